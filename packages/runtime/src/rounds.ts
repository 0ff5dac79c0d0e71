import type { RoundResult } from '@millrace/lifecycle';
import { Counter, type Logger, type Registry } from '@millrace/telemetry';
import type { Deliveries } from './deliveries';

/** Attempts with this number or a higher one are counted together. */
const lastAttempt = 5;

/** What follows after the commit of a settlement, for every service that settles chunks: logs, metrics and deliveries. */
export class Rounds {
  private readonly attempts: Counter<'attempt' | 'outcome'>;
  private readonly givenUp: Counter<'reason'>;

  constructor(
    private readonly deliveries: Deliveries,
    registry: Registry,
    private readonly logger: Logger,
  ) {
    const registers = [registry];
    this.attempts = new Counter({
      name: 'millrace_chunk_attempts_total',
      help: 'Attempts at job chunks that were settled, by the number of the attempt (5: the fifth or a later one) and outcome',
      labelNames: ['attempt', 'outcome'],
      registers,
    });
    // Each series begins at zero: Prometheus does not count the value that a series begins with.
    for (let attempt = 1; attempt <= lastAttempt; attempt += 1) {
      this.attempts.inc({ attempt: String(attempt), outcome: 'success' }, 0);
      this.attempts.inc({ attempt: String(attempt), outcome: 'failed' }, 0);
    }
    this.givenUp = new Counter({
      name: 'millrace_chunks_given_up_total',
      help: 'Chunks that failed and are not tried again by themselves: exhausted (no attempt or round is left) or permanent (another attempt cannot help)',
      labelNames: ['reason'],
      registers,
    });
    this.givenUp.inc({ reason: 'exhausted' }, 0);
    this.givenUp.inc({ reason: 'permanent' }, 0);
  }

  /** Logs the chunks that failed and the rounds that ended, counts both, and delivers the chunks of the next rounds. */
  async announce(rounds: readonly RoundResult[]): Promise<void> {
    for (const { jobId, documentId, status, retries, settled } of rounds) {
      const ids = { jobId, documentId };
      for (const chunk of settled) {
        this.attempts.inc({ attempt: String(Math.min(chunk.attempts, lastAttempt)), outcome: chunk.status });
        if (chunk.status === 'failed') {
          const { id: chunkId, attempts: attempt, code, reason } = chunk;
          this.logger.warn({ chunkId, ...ids, attempt, code, reason }, 'a chunk failed');
        }
        if (chunk.givenUp !== null) {
          this.givenUp.inc({ reason: chunk.givenUp });
        }
      }
      if (status !== 'processing') {
        this.logger.info({ ...ids, status, retries: retries.length }, 'a round ended');
      }
    }
    await this.deliveries.chunks(rounds.flatMap((round) => round.retries));
  }
}
