import type { BlobStore } from '@millrace/blobs';
import { type DocumentDelivery, MillraceError, newId, toMillraceError } from '@millrace/contracts';
import { type Database, untilAvailable } from '@millrace/database';
import {
  type ClaimedJob,
  claimJob,
  failJob,
  type RetryPolicy,
  releaseJob,
  renewJobLease,
  retryReading,
  storeChunks,
  storePages,
} from '@millrace/lifecycle';
import type { ParserPool, RewriteLimits } from '@millrace/pdf';
import type { DeliveryResult } from '@millrace/queues';
import { type Deliveries, renewLease } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import type { ChunkerMetrics } from './metrics';
import { type ParsedDocument, parseDocument, whyNothing } from './parseDocument';
import type { OcrSettings, ParsedPage } from './parseProtocol';
import { reportReading } from './reportReading';

export interface IngestOptions {
  database: Database;
  deliveries: Deliveries;
  blobs: BlobStore;
  pool: ParserPool;
  /** Names this process in leases. */
  worker: string;
  leaseMs: number;
  retryPolicy: RetryPolicy;
  maxPages: number;
  /** See parseDocument. */
  maxLostPages: number;
  maxCharacters: number;
  ocr: OcrSettings;
  /** See openPdf. */
  rewrite?: RewriteLimits;
  /** Stops reading: each job in hand is released. */
  stopping: AbortSignal;
  logger: Logger;
  metrics: ChunkerMetrics;
}

/** Why reading stopped before its end, other than by a fault of the document. */
type Interruption = 'stopping' | 'lease lost';

/** Turns one document delivery after another into stored pages and job chunks, and delivers the chunks. */
export class IngestHandler {
  constructor(private readonly options: IngestOptions) {}

  /** Works on one delivery. When the stop comes, even during the claim, it releases the job: the attempt does not count. */
  async handle(delivery: DocumentDelivery): Promise<DeliveryResult> {
    const { database, worker, leaseMs } = this.options;
    const claim = await claimJob(database, { jobId: delivery.jobId, worker, leaseMs });
    if (claim.outcome === 'leased') {
      return { outcome: 'later', at: claim.until, leased: true };
    }
    if (claim.outcome === 'gone') {
      return { outcome: 'done' };
    }
    return this.ingest(claim.job);
  }

  private async ingest(job: ClaimedJob): Promise<DeliveryResult> {
    const { database, leaseMs, metrics, stopping } = this.options;
    const lost = new AbortController();
    const signal = AbortSignal.any([stopping, lost.signal]);
    const logger = this.options.logger.child({ jobId: job.jobId, documentId: job.documentId });
    const renew = async () => {
      if (!(await renewJobLease(database, job, leaseMs))) {
        lost.abort();
      }
    };
    const endRenewal = renewLease({ leaseMs, renew, logger });
    const lostPages: ParsedPage[] = [];
    const stopTimer = metrics.parseSeconds.startTimer();
    try {
      const parsed = await this.read(job, lostPages, signal, logger);
      stopTimer();
      return await this.store(job, parsed, signal, logger);
    } catch (error) {
      return await this.giveUp(job, error, lostPages, signal, logger);
    } finally {
      endRenewal();
    }
  }

  /** @param lostPages is given the pages that end their process. */
  private async read(
    job: ClaimedJob,
    lostPages: ParsedPage[],
    signal: AbortSignal,
    logger: Logger,
  ): Promise<ParsedDocument> {
    const { blobs, pool, maxPages, maxLostPages, maxCharacters, ocr, rewrite } = this.options;
    if (!job.sourcePath) {
      throw new MillraceError('BLOB_MISSING', 'The original of this document has been removed');
    }
    const path = await blobs.localPath(job.sourcePath);
    const onPage = reportReading({ database: this.options.database, job, logger });
    return parseDocument(
      pool,
      { path, mimeType: job.mimeType, maxPages, pages: job.failedPages, reading: job.reading, ocr, rewrite },
      { maxLostPages, maxCharacters, onPage, onLost: (page) => lostPages.push(page), signal },
    );
  }

  private async store(
    job: ClaimedJob,
    parsed: ParsedDocument,
    signal: AbortSignal,
    logger: Logger,
  ): Promise<DeliveryResult> {
    const { database, deliveries, metrics } = this.options;
    if (parsed.chunks.length === 0 && job.failedPages === null) {
      return await this.fail(job, whyNothing(parsed), parsed.pages, signal, logger);
    }
    const chunked = {
      title: parsed.title,
      repair: parsed.repair,
      pages: parsed.pages,
      chunks: parsed.chunks.map((chunk) => ({
        id: newId(),
        chunkIndex: chunk.index,
        pageStart: chunk.pageStart,
        pageEnd: chunk.pageEnd,
        hasOverlap: chunk.hasOverlap,
        chunkHash: chunk.chunkHash,
        contentHash: chunk.contentHash,
        payload: {
          text: chunk.text,
          tokenCount: chunk.tokenCount,
          section: chunk.section,
          coordinates: chunk.coordinates,
        },
      })),
    };
    // With the database away it waits: reading the document again would take longer.
    const dispatches = await untilAvailable(
      () => (job.failedPages === null ? storeChunks : storePages)(database, job, chunked),
      signal,
    );
    if (!dispatches) {
      logger.warn('the job was taken over while its document was read; nothing was stored');
      return { outcome: 'done' };
    }
    for (const page of parsed.pages) {
      metrics.pages.inc({ outcome: page.outcome });
    }
    logger.info({ pages: parsed.pages.length, chunks: dispatches.length }, 'a document was chunked');
    await deliveries.chunks(dispatches);
    return { outcome: 'done' };
  }

  /** Decides what an interrupted or failed reading means: release the job, leave it to its new holder, or fail it. */
  private async giveUp(
    job: ClaimedJob,
    thrown: unknown,
    lostPages: ParsedPage[],
    signal: AbortSignal,
    logger: Logger,
  ): Promise<DeliveryResult> {
    if (signal.aborted) {
      const reason: Interruption = this.options.stopping.aborted ? 'stopping' : 'lease lost';
      logger.info({ reason }, 'stopped reading a document');
      const dispatch = reason === 'stopping' ? await releaseJob(this.options.database, job) : null;
      if (dispatch) {
        await this.options.deliveries.jobs([dispatch]);
      }
      return { outcome: 'done' };
    }
    const error = toMillraceError(thrown);
    if (error.code === 'INTERNAL') {
      logger.error({ err: thrown }, 'reading a document failed in an unforeseen way');
    }
    return error.retryable && job.attempts < job.chunkMaxRetries
      ? this.putBack(job, error, signal, logger)
      : this.fail(job, error, lostPages, signal, logger);
  }

  /** A fault that may pass: the document is read again after a while. */
  private async putBack(
    job: ClaimedJob,
    error: MillraceError,
    signal: AbortSignal,
    logger: Logger,
  ): Promise<DeliveryResult> {
    const { database, deliveries, retryPolicy } = this.options;
    const dispatch = await untilAvailable(() => retryReading(database, job, error, retryPolicy), signal);
    if (dispatch) {
      logger.warn({ code: error.code, reason: error.message, delayMs: dispatch.delayMs }, 'reading failed for now');
      await deliveries.jobs([dispatch]);
    }
    return { outcome: 'done' };
  }

  private async fail(
    job: ClaimedJob,
    error: MillraceError,
    pages: readonly ParsedPage[],
    signal: AbortSignal,
    logger: Logger,
  ): Promise<DeliveryResult> {
    const failed = await untilAvailable(() => failJob(this.options.database, job, error, pages), signal);
    if (!failed) {
      logger.warn({ code: error.code }, 'the job was taken over or deleted while its document was read');
      return { outcome: 'done' };
    }
    if (failed.sourcePath) {
      // The input itself is bad: nothing of it stays stored but the record that says so.
      await this.options.blobs.remove(failed.sourcePath);
    }
    logger.warn({ code: error.code, reason: error.message }, 'a document failed');
    return { outcome: 'failed', code: error.code, message: error.message };
  }
}
