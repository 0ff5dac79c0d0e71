/** The types of lock.cjs. */
export interface LockOptions {
  timeoutMs?: number;
  /** Is called once, with the process id of the holder, when the wait is long. */
  onWait?: (pid: number) => void;
}
export function acquireLock(directory: string, name: string, options?: LockOptions): Promise<() => void>;
export function identifyProcess(pid: number): string | undefined;
export function isSameProcess(pid: number, identity: string): boolean;
