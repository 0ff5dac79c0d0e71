import type { RoundResult } from '@millrace/lifecycle';
import type { Deliveries } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';

/** After the commit: logs which jobs have ended a round, and delivers the chunks of their next rounds. */
export async function announceRounds(
  rounds: readonly RoundResult[],
  { deliveries, logger }: { deliveries: Deliveries; logger: Logger },
): Promise<void> {
  for (const { jobId, documentId, status, retries } of rounds) {
    if (status !== 'processing') {
      logger.info({ jobId, documentId, status, retries: retries.length }, 'a round ended');
    }
  }
  await deliveries.chunks(rounds.flatMap((round) => round.retries));
}
