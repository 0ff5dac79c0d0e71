import {
  type Actor,
  describeModel,
  type EmbeddingModel,
  isSameModel,
  MillraceError,
  modelOf,
  newId,
} from '@millrace/contracts';
import type { DatabaseAddress } from '../connection/withClient';
import type { Database } from '../database/database';
import type { Session } from '../database/session';
import { withShortLocks } from '../database/shortLocks';
import { modelsLock, type NextModel } from '../repositories/embeddingModels';
import { schemaLock } from '../schema/migrations';
import { putMean, putNextMeansInPlace, removeMeans, unknownMean } from '../signature/storedMeans';
import { type BuildProgress, findBuildProgress } from '../vectorIndex/buildProgress';
import { buildLock, inBuildSession, type Resources } from '../vectorIndex/buildSession';
import { findHolders } from './holders';
import { buildNextIndexes, lacksIndexes } from './nextIndexes';
import { nextSlot } from './nextNames';
import { createNextTable, putNextTableInPlace, refuseDependants, refuseOtherColumns } from './nextTable';

/**
 * Changes the model of all vectors, as the owner of the tables. The services fill a second table with the new vectors. It gets
 * its indexes and then replaces the current table in one short transaction. All state is in the database, so this process
 * may end at any time and another one continues.
 */
export class ReEmbedding {
  constructor(
    private readonly database: Database,
    /** The address at which connections for index builds are opened. See inBuildSession. */
    private readonly address: DatabaseAddress,
    /** Ends waiting and building. The call then throws the signal's reason. */
    private readonly signal?: AbortSignal,
    /** Called with descriptions of the sessions that hold the locks, whenever a lock was not available. */
    private readonly onHeldUp?: (holders: string[]) => void,
  ) {}

  /**
   * Begins to change to `setup`, or finds that this is under way.
   * @throws MillraceError SETUP_INVALID when the vectors are of this model already, another re-embedding is under way, the
   *   address is a pooler's (it could not build the indexes), or other objects refer to document_chunks.
   */
  async begin(setup: EmbeddingModel): Promise<'begun' | 'under way'> {
    await inBuildSession(this.address, this.signal, async () => undefined);
    return this.withLocks(async ({ sql, embeddingModels }) => {
      await sql.many('SELECT pg_advisory_xact_lock($1)', [schemaLock]);
      await refuseDependants(sql);
      const { active, next } = await embeddingModels.find();
      if (next !== null && isSameModel(next, setup)) {
        return 'under way';
      }
      if (next !== null) {
        throw new MillraceError(
          'SETUP_INVALID',
          `The vectors are being changed to ${describeModel(next)}, not ${describeModel(setup)}. Wait until that has ended, or cancel it: "re-embed cancel".`,
        );
      }
      if (isSameModel(active, setup)) {
        throw new MillraceError('SETUP_INVALID', `The vectors are of ${describeModel(setup)} already.`);
      }
      await createNextTable(sql, setup);
      await putMean(sql, { table: 'document_chunks_next', slot: nextSlot, complete: true }, unknownMean);
      await sql.none(
        `INSERT INTO re_embeddings (id, model, dimensions, query_prefix, document_prefix, context)
         VALUES ($<id>, $<model>, $<dimensions>, $<queryPrefix>, $<documentPrefix>, $<context>)`,
        { id: newId(), ...modelOf(setup) },
      );
      return 'begun';
    });
  }

  /** Drops the new vectors. The reconciler ends the jobs. @returns the next model, or null when no re-embedding was running. */
  cancel(actor: Actor): Promise<EmbeddingModel | null> {
    return this.withLocks(async ({ sql, embeddingModels, actions }) => {
      const { next } = await embeddingModels.find();
      if (next === null) {
        return null;
      }
      // This is the order in which a settlement takes its locks. Dropping the table's foreign key also locks documents.
      await sql.none('LOCK TABLE document_chunks_next IN ACCESS EXCLUSIVE MODE');
      await sql.none('DROP TABLE document_chunks_next');
      await removeMeans(sql, 'document_chunks_next');
      await sql.none(
        `UPDATE re_embeddings SET status = 'cancelled', finished_at = now() WHERE id = $1 AND status = 'running'`,
        [next.reEmbeddingId],
      );
      await actions.record({ id: newId(), kind: 'cancel_re_embedding', actor });
      return next;
    });
  }

  /** Builds the missing indexes of the new vectors while more of them are written. */
  buildIndexes({ dimensions }: NextModel, resources: Resources): Promise<void> {
    return inBuildSession(this.address, this.signal, (client) =>
      buildNextIndexes(client, { database: this.database, signal: this.signal }, dimensions, resources),
    );
  }

  /** Returns whether document_chunks has an index that the new vectors lack. */
  lacksIndexes({ dimensions }: NextModel): Promise<boolean> {
    return lacksIndexes(this.database.sql, dimensions);
  }

  /** Returns the progress of the index build, or null when none runs. */
  buildProgress(): Promise<BuildProgress | null> {
    return findBuildProgress(this.database.sql, 'document_chunks_next');
  }

  /** Stops embedding with the current model for the given time. 0 ends that. */
  async close({ reEmbeddingId }: NextModel, forMs: number): Promise<void> {
    await this.database.sql.none(
      `UPDATE re_embeddings SET closing_until = now() + $<forMs> * interval '1 millisecond'
       WHERE id = $<reEmbeddingId> AND status = 'running'`,
      { reEmbeddingId, forMs },
    );
  }

  /**
   * Replaces the old vectors by the new ones in one transaction. Writes wait while all chunks are checked. Searches wait only
   * for the moment of the change.
   * @returns false, with nothing changed, when a chunk has no new vector or an index is missing.
   * @throws MillraceError SETUP_INVALID when a migration has changed the columns since the beginning, or other objects refer
   *   to document_chunks.
   */
  change({ reEmbeddingId, ...setup }: NextModel): Promise<boolean> {
    return this.withLocks(async ({ sql }) => {
      // A build that runs meanwhile would drop the old index by its name, and the new index has that name by then.
      await sql.many('SELECT pg_advisory_xact_lock($1)', [buildLock]);
      // This is the order in which a settlement takes its locks.
      await sql.none('LOCK TABLE document_chunks IN EXCLUSIVE MODE');
      await sql.none('LOCK TABLE document_chunks_next IN EXCLUSIVE MODE');
      await refuseOtherColumns(sql);
      await refuseDependants(sql);
      if (await lacksIndexes(sql, setup.dimensions)) {
        return false;
      }
      const { incomplete } = await sql.one<{ incomplete: boolean }>(
        `SELECT EXISTS (
           SELECT FROM document_chunks c WHERE NOT EXISTS (
             SELECT FROM document_chunks_next n WHERE n.document_id = c.document_id AND n.chunk_hash = c.chunk_hash
           )) AS incomplete`,
      );
      if (incomplete) {
        return false;
      }
      await sql.none('LOCK TABLE document_chunks, document_chunks_next, documents IN ACCESS EXCLUSIVE MODE');
      await putNextTableInPlace(sql);
      await putNextMeansInPlace(sql);
      await sql.none(
        `UPDATE embedding_settings SET model = $<model>, dimensions = $<dimensions>, query_prefix = $<queryPrefix>,
           document_prefix = $<documentPrefix>, context = $<context>`,
        modelOf(setup),
      );
      await sql.one(
        `UPDATE re_embeddings SET status = 'completed', closing_until = NULL, finished_at = now()
         WHERE id = $1 AND status = 'running' RETURNING id`,
        [reEmbeddingId],
      );
      return true;
    });
  }

  private withLocks<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const { database, signal, onHeldUp } = this;
    const report = onHeldUp && (async () => onHeldUp(await findHolders(database.sql)));
    return withShortLocks(database, { signal, onHeldUp: report }, async (session) => {
      await session.sql.many('SELECT pg_advisory_xact_lock($1)', [modelsLock]);
      return work(session);
    });
  }
}
