import type { Logger } from '@millrace/telemetry';

export interface ShutdownPhase {
  name: string;
  run: () => Promise<unknown>;
}

/**
 * Stops a service in order. SIGTERM, SIGINT or the end of the supervising process starts the phases, one after another.
 * Each phase may take the rest of `timeoutMs`. When a phase fails or is late, the next one still runs. A second signal
 * exits at once. The exit code is 0 when every phase ended in time, and 1 otherwise.
 */
export function stopOnSignal(options: { logger: Logger; timeoutMs: number; phases: ShutdownPhase[] }): void {
  const { logger } = options;
  let stopping = false;

  async function stop(reason: string): Promise<void> {
    if (stopping) {
      logger.warn({ reason }, 'a second signal came; the process exits at once');
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
        logger.error({ err: error, phase: phase.name }, 'a phase of the stop failed');
      }
    }
    logger.info({ clean }, 'stopped');
    process.exit(clean ? 0 : 1);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void stop(signal));
  }
  // When a supervisor that started this process with an IPC channel is killed, the channel closes.
  if (process.connected) {
    process.once('disconnect', () => void stop('the supervisor has ended'));
  }
}

async function withTimeout(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It did not end within ${ms} ms.`)), ms);
  });
  try {
    await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
