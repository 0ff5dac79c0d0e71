import { join } from 'node:path';
import { BlobStore } from '@millrace/blobs';
import type { Config } from '@millrace/config';
import { checkLanguages } from '@millrace/pdf';
import { ProcessPool } from '@millrace/process-pool';
import { type RunningService, startWorkerService } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import { IngestHandler } from './ingest';
import { createChunkerMetrics } from './metrics';
import type { ReaderPool } from './parseProtocol';

/** The part of a document's time that OCR may take, so that a long scan ends with some pages and not with none. */
const ocrShare = 0.75;

/**
 * Starts a chunker: document deliveries become pages, job chunks and chunk deliveries.
 * @throws MillraceError SETUP_INVALID when a language of OCR is not installed, and what startWorkerService throws.
 */
export async function startChunker(config: Config, logger: Logger): Promise<RunningService> {
  checkLanguages(config.OCR_LANGUAGES);
  return startWorkerService({
    name: 'chunker',
    config,
    logger,
    setUp: async ({ database, deliveries, registry, worker, runningWork }) => {
      const pool: ReaderPool = new ProcessPool({
        entry: join(__dirname, 'parseProcess.js'),
        processes: config.READER_PROCESSES,
        limits: {
          timeoutMs: config.DOCUMENT_TIMEOUT_MS,
          firstStepMs: config.DOCUMENT_OPEN_TIMEOUT_MS,
          stepMs: config.PAGE_TIMEOUT_MS,
          maxRssBytes: config.READER_MAX_MEMORY_BYTES,
        },
      });
      pool.warmUp();
      const handler = new IngestHandler({
        database,
        deliveries,
        blobs: new BlobStore(config.BLOB_DIR),
        pool,
        worker,
        leaseMs: config.LEASE_MS,
        maxInCollection: config.COLLECTION_MAX_READING,
        retryPolicy: { backoffMs: config.RETRY_BACKOFF_MS },
        maxPages: config.DOCUMENT_MAX_PAGES,
        maxLostPages: config.DOCUMENT_MAX_LOST_PAGES,
        maxCharacters: config.DOCUMENT_MAX_CHARACTERS,
        ocr: {
          languages: config.OCR_LANGUAGES,
          maxPages: config.OCR_MAX_PAGES,
          pageTimeoutMs: config.OCR_PAGE_TIMEOUT_MS,
          totalMs: ocrShare * config.DOCUMENT_TIMEOUT_MS,
        },
        rewrite: {
          maxFileBytes: config.PDF_REPAIR_MAX_BYTES,
          timeoutMs: config.PDF_REPAIR_TIMEOUT_MS,
          maxRssBytes: config.PDF_REPAIR_MAX_MEMORY_BYTES,
        },
        stopping: runningWork.signal,
        logger,
        metrics: createChunkerMetrics(registry),
      });
      return {
        consumers: [
          {
            queue: 'documents',
            concurrency: config.READER_PROCESSES,
            handle: (delivery) => handler.handle(delivery),
          },
        ],
        close: () => pool.close(),
      };
    },
  });
}
