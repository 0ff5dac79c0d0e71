import type { BlobStore } from '@millrace/blobs';
import { type DocumentDelivery, MillraceError, toMillraceError } from '@millrace/contracts';
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
import type { RewriteLimits } from '@millrace/pdf';
import type { DeliveryResult } from '@millrace/queues';
import { type Deliveries, renewLease } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import { toJobChunks } from './jobChunks';
import type { ChunkerMetrics } from './metrics';
import { type ParsedDocument, parseDocument, whyNoText } from './parseDocument';
import type { OcrSettings, ParsedPage, ReaderPool } from './parseProtocol';
import { reportReading } from './reportReading';

/** How long a delivery waits while its collection has as many documents in hand as it may have. */
const fullWaitMs = 2_000;

export interface IngestOptions {
  database: Database;
  deliveries: Deliveries;
  blobs: BlobStore;
  pool: ReaderPool;
  /** Names this process in leases. */
  worker: string;
  leaseMs: number;
  /** See claimJob. */
  maxInCollection?: number;
  retryPolicy: RetryPolicy;
  maxPages: number;
  /** See parseDocument. */
  maxLostPages: number;
  maxCharacters: number;
  ocr: OcrSettings;
  /** See openPdf. */
  rewrite?: RewriteLimits;
  /** When it aborts, reading stops and each claimed job is released. */
  stopping: AbortSignal;
  logger: Logger;
  metrics: ChunkerMetrics;
}

/** A claimed job while this process works on it. */
interface Work {
  job: ClaimedJob;
  /** Aborts when the service stops or the lease is lost. */
  signal: AbortSignal;
  logger: Logger;
  /** The pages that ended their process. */
  lostPages: ParsedPage[];
}

/** Turns one document delivery after another into stored pages and job chunks, and delivers the chunks. */
export class IngestHandler {
  constructor(private readonly options: IngestOptions) {}

  /** Works on one delivery. When the stop comes, even during the claim, it releases the job: the attempt does not count. */
  async handle(delivery: DocumentDelivery): Promise<DeliveryResult> {
    const { database, worker, leaseMs } = this.options;
    const claim = await claimJob(database, {
      jobId: delivery.jobId,
      worker,
      leaseMs,
      maxInCollection: this.options.maxInCollection ?? 0,
    });
    if (claim.outcome === 'full') {
      return { outcome: 'later', at: new Date(Date.now() + fullWaitMs * (0.5 + Math.random())), inCrowd: true };
    }
    if (claim.outcome === 'leased') {
      return { outcome: 'later', at: claim.until, leased: true };
    }
    if (claim.outcome === 'gone') {
      return { outcome: 'done' };
    }
    return this.ingest(claim.job);
  }

  private async ingest(job: ClaimedJob): Promise<DeliveryResult> {
    const { database, leaseMs, stopping } = this.options;
    const leaseLost = new AbortController();
    const logger = this.options.logger.child({ jobId: job.jobId, documentId: job.documentId });
    const work: Work = { job, logger, signal: AbortSignal.any([stopping, leaseLost.signal]), lostPages: [] };
    const renew = async () => {
      if (!(await renewJobLease(database, job, leaseMs))) {
        leaseLost.abort();
      }
    };
    const endRenewal = renewLease({ leaseMs, renew, logger });
    try {
      const document = await this.read(work);
      return document.chunks.length === 0 && job.kind === 'ingest'
        ? await this.fail(work, whyNoText(document), document.pages)
        : await this.store(work, document);
    } catch (error) {
      return await this.handleError(work, error);
    } finally {
      endRenewal();
    }
  }

  private async read({ job, signal, logger, lostPages }: Work): Promise<ParsedDocument> {
    const { database, blobs, pool, metrics, maxPages, maxLostPages, maxCharacters, ocr, rewrite } = this.options;
    if (!job.sourcePath) {
      throw new MillraceError('BLOB_MISSING', 'The original of this document has been removed.');
    }
    const stopTimer = metrics.parseSeconds.startTimer();
    const document = await parseDocument(
      pool,
      {
        path: await blobs.localPath(job.sourcePath),
        mimeType: job.mimeType,
        pages: job.kind === 'reread' ? job.failedPages : null,
        unreadFiles: job.kind === 'reread' ? job.unreadFiles : [],
        reading: job.reading,
        maxPages,
        ocr,
        rewrite,
      },
      {
        maxLostPages,
        maxCharacters,
        signal,
        onPage: reportReading({ database, job, logger }),
        onLost: (page) => lostPages.push(page),
      },
    );
    stopTimer();
    if (document.ignoredFiles.length > 0) {
      logger.info({ files: document.ignoredFiles }, 'files within a document were not read');
    }
    return document;
  }

  private async store({ job, signal, logger }: Work, document: ParsedDocument): Promise<DeliveryResult> {
    const { database, deliveries, metrics } = this.options;
    const { title, repair, pages } = document;
    const chunks = toJobChunks(document);
    // While the database is unreachable this waits, because reading the document again would take longer.
    const dispatches = await untilAvailable(
      () => (job.kind === 'ingest' ? storeChunks : storePages)(database, job, { title, repair, pages, chunks }),
      signal,
    );
    if (!dispatches) {
      logger.warn('the job was taken over while its document was read; nothing was stored');
      return { outcome: 'done' };
    }
    for (const page of pages) {
      metrics.pages.inc({ outcome: page.outcome });
    }
    logger.info({ pages: pages.length, chunks: dispatches.length }, 'a document was chunked');
    await deliveries.chunks(dispatches);
    return { outcome: 'done' };
  }

  /** Decides what an error while reading or storing means: the job is released, read again later, or failed. */
  private async handleError(work: Work, thrown: unknown): Promise<DeliveryResult> {
    const { job, signal, logger, lostPages } = work;
    if (signal.aborted) {
      return this.stop(work);
    }
    const error = toMillraceError(thrown);
    if (error.code === 'INTERNAL') {
      logger.error({ err: thrown }, 'reading a document failed for an unknown reason');
    }
    return error.retryable && job.attempts < job.chunkMaxRetries
      ? this.retryLater(work, error)
      : this.fail(work, error, lostPages);
  }

  /** Releases the job when the service stops. Does nothing when the lease is lost: this process must not change the job. */
  private async stop({ job, logger }: Work): Promise<DeliveryResult> {
    const { database, deliveries, stopping } = this.options;
    logger.info({ reason: stopping.aborted ? 'stopping' : 'lease lost' }, 'stopped reading a document');
    const dispatch = stopping.aborted ? await releaseJob(database, job) : null;
    if (dispatch) {
      await deliveries.jobs([dispatch]);
    }
    return { outcome: 'done' };
  }

  /** After a transient fault: the document is read again after a while. */
  private async retryLater({ job, signal, logger }: Work, error: MillraceError): Promise<DeliveryResult> {
    const { database, deliveries, retryPolicy } = this.options;
    const dispatch = await untilAvailable(() => retryReading(database, job, error, retryPolicy), signal);
    if (dispatch) {
      const { delayMs } = dispatch;
      logger.warn({ code: error.code, reason: error.message, delayMs }, 'a document could not be read; it is retried');
      await deliveries.jobs([dispatch]);
    }
    return { outcome: 'done' };
  }

  private async fail(
    { job, signal, logger }: Work,
    error: MillraceError,
    pages: readonly ParsedPage[],
  ): Promise<DeliveryResult> {
    const { database, blobs } = this.options;
    const failed = await untilAvailable(() => failJob(database, job, error, pages), signal);
    if (!failed) {
      logger.warn({ code: error.code }, 'the job was taken over or deleted while its document was read');
      return { outcome: 'done' };
    }
    if (failed.sourcePath) {
      // The input itself is bad: only the record that says so is kept.
      await blobs.remove(failed.sourcePath);
    }
    logger.warn({ code: error.code, reason: error.message }, 'a document failed');
    return { outcome: 'failed', code: error.code, message: error.message };
  }
}
