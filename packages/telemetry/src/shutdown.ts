import type { Logger } from './logger';

export interface ShutdownPhase {
  name: string;
  run: () => Promise<unknown>;
}

/**
 * Stops a service in order. SIGTERM, SIGINT, or the end of the process that supervises it starts the phases, one after
 * another; each may take what is left of `timeoutMs`, and one that fails or is late does not keep the next from
 * running. A second signal exits at once. Exit code 0 when every phase ended in time, 1 otherwise.
 */
export function stopOnSignal(options: { logger: Logger; timeoutMs: number; phases: ShutdownPhase[] }): void {
  const { logger } = options;
  let stopping = false;

  async function stop(reason: string): Promise<void> {
    if (stopping) {
      logger.warn({ reason }, 'asked to stop a second time: exiting at once');
      process.exit(1);
    }
    stopping = true;
    logger.info({ reason }, 'stopping');
    const deadline = Date.now() + options.timeoutMs;
    let clean = true;
    for (const phase of options.phases) {
      const left = Math.max(100, deadline - Date.now());
      try {
        await withTimeout(phase.run(), left);
      } catch (error) {
        clean = false;
        logger.error({ err: error, phase: phase.name }, 'this part of the stop did not end well');
      }
    }
    logger.info({ clean }, 'stopped');
    process.exit(clean ? 0 : 1);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void stop(signal));
  }
  // A supervisor that started us with an IPC channel may be killed without a word; the channel then closes.
  if (process.connected) {
    process.once('disconnect', () => void stop('the supervisor is gone'));
  }
}

async function withTimeout(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
