import type { MillraceError } from '@millrace/contracts';
import { untilAvailable } from '@millrace/database';
import type { RunningWork } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import type { EmbeddableChunk, HeldClaim, Part } from './heldClaim';
import type { EmbedderMetrics } from './metrics';
import type { PartEmbedder } from './partEmbedder';

/**
 * How long deliveries of an examined document are postponed, in milliseconds. The longer it takes, the longer they
 * wait.
 */
const shortestPostponementMs = 500;
const longestPostponementMs = 15_000;
/** One failed part means a poisoned text. This many parts of one document at once mean that the document is at fault. */
const partsToPostpone = 2;
/** When this many texts of a document have failed alone and none has succeeded, the rest of its parts fail untried. */
const poisonedLimit = 8;

export interface BatchBisectorOptions {
  parts: PartEmbedder;
  runningWork: RunningWork;
  logger: Logger;
  metrics: EmbedderMetrics;
}

/** A document whose parts are being examined. */
interface Examination {
  since: number;
  /** Its parts that are being examined or wait for that. */
  parts: number;
  /** Texts that failed alone since one succeeded. */
  poisoned: number;
  /** Resolves when the parts so far have been examined. */
  work: Promise<void>;
}

/**
 * Divides parts that failed although the provider works, until the poisoned text is alone. It works apart from the
 * running batches: on one part of a document at a time, and on documents side by side. So one document whose calls fail
 * slowly does not stop the others. While its batches go on failing, its further deliveries are postponed, so that they do
 * not take the places of running batches.
 */
export class BatchBisector {
  private readonly parts: PartEmbedder;
  private readonly documents = new Map<string, Examination>();

  constructor(private readonly options: BatchBisectorOptions) {
    this.parts = options.parts;
  }

  /** How long to postpone a delivery of this document, in milliseconds. 0 means that it can be worked on. */
  postponeMs(documentId: string): number {
    const examination = this.documents.get(documentId);
    return examination && examination.parts >= partsToPostpone
      ? Math.min(Math.max(performance.now() - examination.since, shortestPostponementMs), longestPostponementMs)
      : 0;
  }

  /**
   * Begins to examine a failed part of a claim, separately for each document. The leases are renewed until it has
   * ended.
   */
  examine(held: HeldClaim, failed: Part, error: MillraceError): void {
    const { runningWork, logger, metrics } = this.options;
    const byDocument = groupBy(failed.chunks, (chunk) => chunk.documentId);
    logger.warn(
      { code: error.code, reason: error.message, chunks: failed.chunks.length, documents: byDocument.size },
      'a batch failed and is being divided to find the reason',
    );
    metrics.divided.inc();
    const textsReleased = untilAvailable(() => this.parts.vectors.release(failed), runningWork.signal);
    // Each document awaits this and handles its error, perhaps much later. Until then the error must not end the process.
    textsReleased.catch(() => undefined);
    for (const [documentId, chunks] of byDocument) {
      const part = held.part(chunks);
      const examined = () =>
        held.during(() =>
          this.inOrder(documentId, async (document) => {
            await textsReleased;
            await (byDocument.size === 1 ? this.divide(document, part, error) : this.tryAgain(document, part));
          }),
        );
      runningWork
        .run(examined)
        // The leases of these chunks expire, and the reconciler does the rest.
        .catch((failure: unknown) => logger.error({ err: failure }, 'a failed batch could not be examined'));
    }
  }

  /** Runs `work` after the parts of the document that are being examined. */
  private inOrder(documentId: string, work: (document: Examination) => Promise<void>): Promise<void> {
    const document = this.documents.get(documentId) ?? {
      since: performance.now(),
      parts: 0,
      poisoned: 0,
      work: Promise.resolve(),
    };
    this.documents.set(documentId, document);
    document.parts += 1;
    const done = document.work
      .then(() => work(document))
      .finally(() => {
        document.parts -= 1;
        if (document.parts === 0) {
          this.documents.delete(documentId);
        }
      });
    document.work = done.catch(() => undefined);
    return done;
  }

  private async tryAgain(document: Examination, part: Part): Promise<void> {
    if (this.options.runningWork.signal.aborted) {
      return this.parts.release(part, { redeliver: true });
    }
    const attempt = await this.parts.attempt(part);
    switch (attempt.outcome) {
      case 'settled':
        document.poisoned = 0;
        return;
      case 'poisoned':
        return this.divide(document, { ...part, chunks: attempt.rest }, attempt.error);
      case 'paused':
        return this.parts.release({ ...part, chunks: attempt.rest }, { redeliver: true });
      case 'stopping':
        return this.parts.release(part, { redeliver: true });
    }
  }

  /** Settles a single poisoned text as failed. With several texts, it tries the two halves again. */
  private async divide(document: Examination, part: Part, error: MillraceError): Promise<void> {
    const byText = [...groupBy(part.chunks, (chunk) => chunk.embeddingHash).values()];
    if (byText.length === 1 || document.poisoned >= poisonedLimit) {
      document.poisoned += 1;
      await this.parts.fail(part, error);
      return;
    }
    const middle = Math.ceil(byText.length / 2);
    await this.tryAgain(document, { ...part, chunks: byText.slice(0, middle).flat() });
    await this.tryAgain(document, { ...part, chunks: byText.slice(middle).flat() });
  }
}

function groupBy(
  chunks: readonly EmbeddableChunk[],
  keyOf: (chunk: EmbeddableChunk) => string,
): Map<string, EmbeddableChunk[]> {
  const groups = new Map<string, EmbeddableChunk[]>();
  for (const chunk of chunks) {
    const group = groups.get(keyOf(chunk)) ?? [];
    group.push(chunk);
    groups.set(keyOf(chunk), group);
  }
  return groups;
}
