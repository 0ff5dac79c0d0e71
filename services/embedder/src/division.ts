import type { MillraceError } from '@millrace/contracts';
import { untilAvailable } from '@millrace/database';
import type { ClaimedChunk } from '@millrace/lifecycle';
import type { WorkInHand } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import type { ChunkGroups } from './chunkGroups';
import type { HeldClaim, Part } from './heldClaim';
import type { EmbedderMetrics } from './metrics';

/** How long deliveries of a document under examination are put off, in milliseconds: longer the longer it takes. */
const shortestPutOffMs = 500;
const longestPutOffMs = 15_000;
/** One group under examination is a bad text; so many of one document at once, and it is the document. */
const groupsToPutOff = 2;
/** So many texts of a document have failed alone and none has succeeded: the rest of its groups fail without trying. */
const guiltyEnough = 8;

export interface DivisionOptions {
  groups: ChunkGroups;
  inHand: WorkInHand;
  logger: Logger;
  metrics: EmbedderMetrics;
  signal: AbortSignal;
}

/** What is known of a document under examination. */
interface Examined {
  since: number;
  /** Its groups that are being examined or wait for it. */
  groups: number;
  /** Texts that failed alone since one succeeded. */
  guilty: number;
  /** Ends when the group before has been examined. */
  work: Promise<void>;
}

/**
 * Groups of chunks that failed together though the provider works are divided here until the guilty text stands alone,
 * apart from the batches that are running well: one group of a document at a time, documents side by side. However
 * slowly one document's calls fail, others' work goes on. When its batches go on failing, its further deliveries are put
 * off until these are examined, so that they do not take the running batches' places.
 */
export class Division {
  private readonly groups: ChunkGroups;
  private readonly documents = new Map<string, Examined>();

  constructor(private readonly options: DivisionOptions) {
    this.groups = options.groups;
  }

  /** How long to put off a delivery of this document, in milliseconds; 0 when its work may go on. */
  putOffMs(documentId: string): number {
    const examined = this.documents.get(documentId);
    return examined && examined.groups >= groupsToPutOff
      ? Math.min(Math.max(performance.now() - examined.since, shortestPutOffMs), longestPutOffMs)
      : 0;
  }

  /** Has a failed part of a claim examined, each document's chunks by themselves. Leases are renewed meanwhile. */
  examine(held: HeldClaim, failed: Part, error: MillraceError): void {
    const { inHand, logger, metrics, signal } = this.options;
    const byDocument = groupBy(failed.chunks, (chunk) => chunk.documentId);
    logger.warn(
      { code: error.code, reason: error.message, chunks: failed.chunks.length, documents: byDocument.size },
      'a batch failed and is being divided to find out why',
    );
    metrics.divided.inc();
    const free = untilAvailable(() => this.groups.vectors.letGo(failed), signal);
    // Each document hears of its failure in its turn, which may come much later.
    free.catch(() => undefined);
    for (const [documentId, chunks] of byDocument) {
      const part = held.part(chunks);
      const examined = () =>
        held.during(() =>
          this.inOrder(documentId, async (document) => {
            await free;
            await (byDocument.size === 1 ? this.divide(document, part, error) : this.tryAgain(document, part));
          }),
        );
      inHand
        .run(examined)
        // Their leases will run out, and the reconciler sees to the rest.
        .catch((failure: unknown) => logger.error({ err: failure }, 'examining a failed batch came to nothing'));
    }
  }

  /** Runs `work` after what is being examined of the document already. */
  private inOrder(documentId: string, work: (document: Examined) => Promise<void>): Promise<void> {
    const document = this.documents.get(documentId) ?? {
      since: performance.now(),
      groups: 0,
      guilty: 0,
      work: Promise.resolve(),
    };
    this.documents.set(documentId, document);
    document.groups += 1;
    const done = document.work
      .then(() => work(document))
      .finally(() => {
        document.groups -= 1;
        if (document.groups === 0) {
          this.documents.delete(documentId);
        }
      });
    document.work = done.catch(() => undefined);
    return done;
  }

  private async tryAgain(document: Examined, part: Part): Promise<void> {
    if (this.options.signal.aborted) {
      return this.groups.release(part, { redeliver: true });
    }
    const attempt = await this.groups.attempt(part);
    switch (attempt.outcome) {
      case 'settled':
        document.guilty = 0;
        return;
      case 'guilty':
        return this.divide(document, { ...part, chunks: attempt.rest }, attempt.error);
      case 'paused':
        return this.groups.release({ ...part, chunks: attempt.rest }, { redeliver: true });
      case 'stopping':
        return this.groups.release(part, { redeliver: true });
    }
  }

  /** Settles a single guilty text as failed; of several, examines the two halves. */
  private async divide(document: Examined, part: Part, error: MillraceError): Promise<void> {
    const byText = [...groupBy(part.chunks, (chunk) => chunk.contentHash).values()];
    if (byText.length === 1 || document.guilty >= guiltyEnough) {
      document.guilty += 1;
      await this.groups.fail(part, error);
      return;
    }
    const middle = Math.ceil(byText.length / 2);
    await this.tryAgain(document, { ...part, chunks: byText.slice(0, middle).flat() });
    await this.tryAgain(document, { ...part, chunks: byText.slice(middle).flat() });
  }
}

function groupBy(chunks: readonly ClaimedChunk[], keyOf: (chunk: ClaimedChunk) => string): Map<string, ClaimedChunk[]> {
  const groups = new Map<string, ClaimedChunk[]>();
  for (const chunk of chunks) {
    const group = groups.get(keyOf(chunk)) ?? [];
    group.push(chunk);
    groups.set(keyOf(chunk), group);
  }
  return groups;
}
