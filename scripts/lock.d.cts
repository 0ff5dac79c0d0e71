/** Types of lock.cjs, for infra/stack. */
export interface LockOptions {
  timeoutMs?: number;
  /** Called once, with the holder's process id, when the wait is long enough to be noticed. */
  onWait?: (pid: number) => void;
}
export function acquireLock(directory: string, name: string, options?: LockOptions): Promise<() => void>;
export function identifyProcess(pid: number): string | undefined;
export function isSameProcess(pid: number, identity: string): boolean;
