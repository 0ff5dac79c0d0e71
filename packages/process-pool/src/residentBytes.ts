import { readFile } from 'node:fs/promises';

const kib = 1024;

/** The resident memory of process `pid` in bytes; null when it is unknown (the process is gone, or there is no /proc). */
export async function residentBytes(pid: number): Promise<number | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
    return kibibytes === undefined ? null : Number(kibibytes) * kib;
  } catch {
    return null;
  }
}
