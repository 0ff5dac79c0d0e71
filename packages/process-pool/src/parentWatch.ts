import { Worker } from 'node:worker_threads';

/**
 * Runs beside the main thread. The main thread may be stuck in a task and then never learns that its parent is gone. A
 * process whose parent has died has another parent id. The program is a string, so that it runs from compiled and from
 * uncompiled code.
 */
const watch = `
const { workerData: parent } = require('node:worker_threads');
setInterval(() => {
  if (process.ppid !== parent) {
    process.kill(process.pid, 'SIGKILL');
  }
}, 500);
`;

/**
 * Ends this process soon after its parent has died, even while the main thread is busy.
 * @param parent The parent's process id, given by the parent itself: process.ppid may already name another process.
 */
export function watchParent(parent: number): void {
  const worker = new Worker(watch, {
    eval: true,
    workerData: parent,
    // The modules that the main thread preloads would not fit into the small heap.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 8 },
  });
  worker.unref();
}
