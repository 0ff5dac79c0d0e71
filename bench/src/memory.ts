import { readFileSync } from 'node:fs';

/** One field of /proc/PID/status in whole MiB (Linux); 0 for a process that is gone. */
function statusMiB(pid: number, field: string): number {
  try {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Math.round(Number(match?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/** The children of a process that there are now (Linux). */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Watches the peak resident memory (VmHWM) of named processes and of their children, which come and go. */
export class MemoryWatch {
  private readonly peaks = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly processes: readonly { name: string; pid: number }[]) {
    this.timer = setInterval(() => this.look(), 200).unref();
  }

  /** Stops watching. @returns the highest peak seen of each name, in MiB; "NAME child" for children. */
  stop(): Map<string, number> {
    clearInterval(this.timer);
    this.look();
    return this.peaks;
  }

  private look(): void {
    for (const { name, pid } of this.processes) {
      this.note(name, pid);
      for (const child of childrenOf(pid)) {
        this.note(`${name} child`, child);
      }
    }
  }

  private note(name: string, pid: number): void {
    this.peaks.set(name, Math.max(this.peaks.get(name) ?? 0, statusMiB(pid, 'VmHWM')));
  }
}
