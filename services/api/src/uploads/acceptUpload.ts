import { type BlobStore, originalKey } from '@millrace/blobs';
import type { Config } from '@millrace/config';
import { MillraceError, newId } from '@millrace/contracts';
import type { Database, DocumentRow, Session } from '@millrace/database';
import { type Accepted, acceptDocument, findSameContent, mayLackPassword } from '@millrace/lifecycle';
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

/** A request to upload a file. */
export interface UploadRequest {
  upload: ReceivedUpload;
  fields: UploadFields;
  /** The collection that takes the document. The principal may write there. */
  collectionId: string;
  /** Aborted when the client has closed the connection. Removing a password then stops. */
  gone?: AbortSignal;
  /** Runs in the transaction that accepts the upload, or finds that it is a duplicate. */
  record?: ((session: Session, accepted: Accepted) => Promise<void>) | undefined;
}

/**
 * Makes a received file a document of its collection, or finds the document that already holds the same content. The
 * original is durable before the row that names it, and the row before the delivery. A crash in between leaves at most
 * a file without a row, never a row without its file.
 */
export async function acceptUpload(resources: UploadResources, request: UploadRequest): Promise<Accepted> {
  const { access, database, blobs, config } = resources;
  const { upload, fields, collectionId, gone, record } = request;
  const reading = readingOptionsOf(fields, config);
  const known = await findDuplicate(database, request);
  if (known) {
    await record?.(database, known);
    return known;
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
        collectionId,
        externalId: fields.external_id ?? null,
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
        record,
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

/**
 * Finds the document that holds the content, so that the file need not be stored and unlocked. When the last word of it would
 * change what becomes current, or the upload brings a password that may have been missing, the upload goes on.
 */
async function findDuplicate(
  database: Database,
  { upload, fields, collectionId }: UploadRequest,
): Promise<Accepted | null> {
  const { contentHash, password } = upload;
  const known = await findSame(database, { contentHash, collectionId, externalId: fields.external_id });
  if (!known || (password !== undefined && mayLackPassword(known))) {
    return null;
  }
  const job = await database.jobs.find(known.jobId);
  return job && { duplicate: true, document: known, job };
}

async function findSame(
  { documents }: Database,
  {
    contentHash,
    collectionId,
    externalId,
  }: { contentHash: string; collectionId: string; externalId?: string | undefined },
): Promise<DocumentRow | null> {
  if (externalId === undefined) {
    return documents.findByContent(collectionId, contentHash);
  }
  const standing = await documents.findStanding(collectionId, externalId);
  const same = findSameContent(standing, { contentHash, unlocked: false });
  return same === standing[0] ? (same ?? null) : null;
}

/** Delivers the job. If Redis is unreachable, the upload is still accepted, and the reconciler delivers the job later. */
async function deliver({ deliveries, logger }: UploadResources, { document, job }: Accepted): Promise<void> {
  const ids = { documentId: document.id, jobId: job.id };
  logger.info({ ...ids, sizeBytes: document.sizeBytes }, 'a document was accepted');
  await deliveries.jobs([{ ...ids, collectionId: document.collectionId, queueJobId: job.queueJobId, delayMs: 0 }]);
}
