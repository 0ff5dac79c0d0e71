import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { originalKey } from '@millrace/blobs';
import { MillraceError, newId } from '@millrace/contracts';
import type { DocumentRow } from '@millrace/database';
import { type Accepted, acceptDocument } from '@millrace/lifecycle';
import type { Dependencies } from '../dependencies';
import type { ReceivedUpload } from './receiveUpload';
import { readingOptionsOf, type UploadFields } from './uploadFields';

/**
 * Makes a received file a document of the collection, or finds the one that holds the same content already. The
 * original is durable before the row that names it, and the row before the delivery: a crash in between leaves at
 * most a file that nobody refers to, never a document without its file.
 * @param gone aborted when the client has gone: a password that is still to be taken off is then given up.
 */
export async function acceptUpload(
  dependencies: Dependencies,
  upload: ReceivedUpload,
  fields: UploadFields,
  gone?: AbortSignal,
): Promise<Accepted> {
  const { database, blobs, config } = dependencies;
  const reading = readingOptionsOf(fields, config);
  const collectionId = fields.collection_id;
  const collection = await database.collections.find(collectionId);
  if (!collection) {
    throw new MillraceError('COLLECTION_NOT_FOUND', `There is no collection ${collectionId}`);
  }
  const known = await database.documents.findByContent(collectionId, upload.contentHash);
  const knownJob = known && (await database.jobs.find(known.jobId));
  // What fails for want of a password is tried again with one.
  if (knownJob && !(upload.password !== undefined && (await mayLackPassword(dependencies, known)))) {
    return { duplicate: true, document: known, job: knownJob };
  }
  const unlocked = await takePasswordOff(dependencies, upload, gone);
  const documentId = newId();
  const key = originalKey(documentId);
  await upload.staged.keep(key);
  let accepted: Accepted;
  try {
    accepted = await acceptDocument(
      database,
      {
        id: documentId,
        collectionId: collectionId,
        ownerId: collection.ownerId,
        filename: upload.filename,
        sourcePath: key,
        contentHash: upload.contentHash,
        mimeType: upload.charset === null ? upload.mimeType : `${upload.mimeType}; charset=${upload.charset}`,
        sizeBytes: upload.sizeBytes,
        metadata: fields.metadata,
      },
      {
        jobId: newId(),
        jobMaxRetries: fields.max_retries ?? config.JOB_MAX_RETRIES,
        chunkMaxRetries: fields.chunk_max_retries ?? config.CHUNK_MAX_RETRIES,
        reading,
        unlocked,
      },
    );
  } catch (error) {
    // A connection that broke during COMMIT leaves it open whether the document was accepted; its file must then stay.
    // Any other error means that it was not.
    if (!(error instanceof MillraceError && error.code === 'DATABASE_UNAVAILABLE')) {
      await blobs.remove(key);
    }
    throw error;
  }
  if (accepted.duplicate) {
    await blobs.remove(key);
    if (unlocked && (await mayLackPassword(dependencies, accepted.document))) {
      throw new MillraceError(
        'DOCUMENT_IN_PROGRESS',
        `The password is right, but the same file came without one and is still being read, as document ${accepted.document.id}`,
        { retryAfterMs: 5_000, extra: { document_id: accepted.document.id } },
      );
    }
    return accepted;
  }
  await deliver(dependencies, accepted);
  return accepted;
}

/**
 * From here on a locked file is kept without its password, so that it can be read as often as it takes. Its hash stays
 * that of the bytes that were uploaded, by which the same upload is known again.
 * @returns true where there was a password to take off.
 */
async function takePasswordOff(
  { unlocker }: Dependencies,
  { staged, mimeType, password }: ReceivedUpload,
  gone: AbortSignal | undefined,
): Promise<boolean> {
  let unlocked = false;
  if (password !== undefined && mimeType === 'application/pdf') {
    await staged.rewrite(async (from, to) => {
      unlocked = await unlocker.unlock(from, password, to, gone);
      return unlocked;
    });
  }
  return unlocked;
}

/**
 * True for a document that has failed for want of a password, or may do so yet: it is not read to its end, and its
 * original is what was uploaded. That of a PDF which came with its password is a copy that needs none.
 */
async function mayLackPassword({ blobs }: Dependencies, document: DocumentRow): Promise<boolean> {
  if (document.status !== 'queued' && document.status !== 'processing') {
    return document.errorCode === 'PDF_ENCRYPTED';
  }
  try {
    const hash = createHash('sha256');
    await pipeline(createReadStream(await blobs.localPath(document.sourcePath ?? originalKey(document.id))), hash);
    return hash.digest('hex') === document.contentHash;
  } catch {
    // The original is removed as its document ends: whoever asks again will see how.
    return true;
  }
}

/** With Redis away the upload is accepted all the same: the job's row says that a delivery is due. */
async function deliver({ deliveries, logger }: Dependencies, { document, job }: Accepted): Promise<void> {
  const ids = { documentId: document.id, jobId: job.id };
  logger.info({ ...ids, sizeBytes: document.sizeBytes }, 'a document was accepted');
  await deliveries.jobs([{ ...ids, queueJobId: job.queueJobId, delayMs: 0 }]);
}
