import { Counter, Histogram, type Logger, type Registry } from '@millrace/telemetry';

/** A search for one kind of damage, which the reconciler repeats. */
export interface Sweep {
  /** For logs and metrics. */
  name: string;
  /** Checks a limited number of rows or files. @returns how many it mended. */
  run: () => Promise<number>;
}

export type ReconcilerMetrics = ReturnType<typeof createReconcilerMetrics>;

/** Creates the metrics of the reconciler. */
export function createReconcilerMetrics(registry: Registry) {
  const registers = [registry];
  const turns = new Counter({
    name: 'millrace_reconciler_turns_total',
    help: 'Turns of this process: swept, skipped because another one swept, or failed',
    labelNames: ['outcome'],
    registers,
  });
  // An alert asks for turns that swept. It must also see that there was none.
  turns.inc({ outcome: 'swept' }, 0);
  return {
    turns,
    mended: new Counter({
      name: 'millrace_reconciler_mended_total',
      help: 'Rows, deliveries and files that the reconciler mended, by sweep',
      labelNames: ['sweep'],
      registers,
    }),
    failures: new Counter({
      name: 'millrace_reconciler_failures_total',
      help: 'Sweeps that failed, by sweep',
      labelNames: ['sweep'],
      registers,
    }),
    seconds: new Histogram({
      name: 'millrace_reconciler_sweep_seconds',
      help: 'Time of one sweep',
      labelNames: ['sweep'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    }),
  };
}

/** Runs the sweeps one after another. When one fails, for example because Redis is unreachable, the next still runs. */
export async function runSweeps(sweeps: readonly Sweep[], logger: Logger, metrics: ReconcilerMetrics): Promise<void> {
  for (const { name, run } of sweeps) {
    const stopTimer = metrics.seconds.startTimer({ sweep: name });
    try {
      const mended = await run();
      metrics.mended.inc({ sweep: name }, mended);
      if (mended > 0) {
        logger.info({ sweep: name, mended }, 'a sweep mended rows, deliveries or files');
      }
    } catch (error) {
      metrics.failures.inc({ sweep: name });
      logger.warn({ err: error, sweep: name }, 'a sweep failed; the next one tries again');
    } finally {
      stopTimer();
    }
  }
}
