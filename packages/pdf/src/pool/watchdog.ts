import { Worker } from 'node:worker_threads';

/**
 * Runs beside the main thread, which may be stuck in a page and then never hears that its parent is gone: this process
 * has another parent when its own dies. Written as text, so that it runs from compiled and from uncompiled code alike.
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
 * @param parent the parent's process id, told by the parent: asked for here, it may be another's already.
 */
export function watchParent(parent: number): void {
  const worker = new Worker(watch, {
    eval: true,
    workerData: parent,
    // What the main thread preloads would not fit into the small heap.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 8 },
  });
  worker.unref();
}
