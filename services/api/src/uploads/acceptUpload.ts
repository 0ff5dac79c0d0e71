import { type BlobStore, originalKey } from '@millrace/blobs';
import type { Config } from '@millrace/config';
import { MillraceError, newId } from '@millrace/contracts';
import type { Database, DocumentRow } from '@millrace/database';
import { type Accepted, acceptDocument } from '@millrace/lifecycle';
import type { Deliveries } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import type { Access } from '../authorization/access';
import type { ReceivedUpload } from './receiveUpload';
import type { Unlocker } from './unlocker';
import { readingOptionsOf, type UploadFields } from './uploadFields';

interface UploadResources {
  access: Access;
  blobs: BlobStore;
  config: Config;
  database: Database;
  deliveries: Deliveries;
  logger: Logger;
  unlocker: Unlocker;
}

/**
 * Makes a received file a document of its collection, or finds the document that already holds the same content. The
 * original is durable before the row that names it, and the row before the delivery. A crash in between leaves at most
 * a file without a row, never a row without its file.
 * @param gone is aborted when the client has closed the connection. Removing a password then stops.
 */
export async function acceptUpload(
  resources: UploadResources,
  upload: ReceivedUpload,
  fields: UploadFields,
  gone?: AbortSignal,
): Promise<Accepted> {
  const { access, database, blobs, config } = resources;
  const reading = readingOptionsOf(fields, config);
  const collection =
    fields.collection_id === undefined
      ? await access.defaultCollection()
      : await access.collection(fields.collection_id);
  const collectionId = collection.id;
  const known = await database.documents.findByContent(collectionId, upload.contentHash);
  const knownJob = known && (await database.jobs.find(known.jobId));
  // A document that failed because its password was missing is replaced when the password comes.
  if (knownJob && !(upload.password !== undefined && mayLackPassword(known))) {
    return { duplicate: true, document: known, job: knownJob };
  }
  const unlocked = await removePassword(resources, upload, gone);
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
        ownerId: access.principal.userId,
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
    // When the connection broke during COMMIT, the document may have been accepted, so its file must stay. Any other
    // error means that it was not accepted.
    if (!(error instanceof MillraceError && error.code === 'DATABASE_UNAVAILABLE')) {
      await blobs.remove(key);
    }
    throw error;
  }
  if (accepted.duplicate) {
    await blobs.remove(key);
    if (unlocked && mayLackPassword(accepted.document)) {
      throw new MillraceError(
        'DOCUMENT_IN_PROGRESS',
        `The password is right, but the same file came without one and is still being read as document ${accepted.document.id}.`,
        { retryAfterMs: 5_000, extra: { document_id: accepted.document.id } },
      );
    }
    return accepted;
  }
  await deliver(resources, accepted);
  return accepted;
}

/**
 * Removes the password of an encrypted PDF, so that every attempt can read the original without it. The content hash
 * stays the hash of the uploaded bytes, so that the same upload is recognized as a duplicate.
 * @returns true when there was a password to remove.
 */
async function removePassword(
  { unlocker }: UploadResources,
  { staged, mimeType, password }: ReceivedUpload,
  gone: AbortSignal | undefined,
): Promise<boolean> {
  let unlocked = false;
  if (password !== undefined && mimeType === 'application/pdf') {
    await staged.rewrite(async (from, to) => {
      unlocked = await unlocker.unlock({ source: from, password, target: to }, gone);
      return unlocked;
    });
  }
  return unlocked;
}

/** True for a document that failed because its password was missing, or still may: it is being read and came without one. */
function mayLackPassword({ status, errorCode, unlocked }: DocumentRow): boolean {
  return status === 'queued' || status === 'processing' ? !unlocked : errorCode === 'PDF_ENCRYPTED';
}

/** Delivers the job. If Redis is unreachable, the upload is still accepted, and the reconciler delivers the job later. */
async function deliver({ deliveries, logger }: UploadResources, { document, job }: Accepted): Promise<void> {
  const ids = { documentId: document.id, jobId: job.id };
  logger.info({ ...ids, sizeBytes: document.sizeBytes }, 'a document was accepted');
  await deliveries.jobs([{ ...ids, collectionId: document.collectionId, queueJobId: job.queueJobId, delayMs: 0 }]);
}
