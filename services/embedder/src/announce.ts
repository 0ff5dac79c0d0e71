import type { ChunkDispatch } from '@millrace/contracts';
import type { RoundResult } from '@millrace/lifecycle';
import type { Queues } from '@millrace/queues';
import type { Logger } from '@millrace/telemetry';

/**
 * After the commit: says in the log which jobs have moved, and delivers the next round's chunks. What cannot be
 * delivered now, the reconciler delivers.
 */
export async function announceRounds(
  rounds: readonly RoundResult[],
  { queues, logger }: { queues: Queues; logger: Logger },
): Promise<void> {
  for (const { jobId, documentId, status, retries } of rounds) {
    if (status !== 'processing') {
      logger.info({ jobId, documentId, status, retries: retries.length }, 'a round ended');
    }
  }
  await deliver(
    rounds.flatMap((round) => round.retries),
    { queues, logger },
  );
}

/** Makes deliveries that stand on their rows already. */
export async function deliver(
  dispatches: readonly ChunkDispatch[],
  { queues, logger }: { queues: Queues; logger: Logger },
): Promise<void> {
  try {
    await queues.deliverChunks(dispatches);
  } catch (error) {
    logger.warn({ err: error, chunks: dispatches.length }, 'chunks could not be delivered yet');
  }
}
