import { readFile } from 'node:fs/promises';

const kib = 1024;

/** Resident memory of process `pid` in bytes, or null where it cannot be told (the process is gone; no /proc). */
export async function residentBytes(pid: number): Promise<number | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
    return kibibytes === undefined ? null : Number(kibibytes) * kib;
  } catch {
    return null;
  }
}
