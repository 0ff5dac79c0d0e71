import { setTimeout } from 'node:timers/promises';
import { type EmbeddingModel, isSameModel, MillraceError, newId } from '@millrace/contracts';
import type { Database, Session } from '../connection/database';
import type { DatabaseAddress } from '../connection/withClient';
import type { NextModel } from '../repositories/embeddingModels';
import { schemaLock } from '../schema/migrations';
import { type BuildProgress, findBuildProgress } from '../vectorIndex/buildProgress';
import { buildLock, inBuildSession, type Resources } from '../vectorIndex/buildSession';
import { findHolders } from './holders';
import { buildNextIndexes, lacksIndexes } from './nextIndexes';
import { createNextTable, putNextTableInPlace, refuseDependants, refuseOtherColumns } from './nextTable';

/**
 * How long a change of tables waits for others to let go of them before it steps back and lets them pass. More than
 * PostgreSQL's deadlock_timeout of a second: only after that does an autovacuum end for somebody who waits.
 */
const lockTimeoutMs = 2_000;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** A lock that did not become free in time, and a circle of waiters of which PostgreSQL has ended one, however often. */
const heldUp: readonly unknown[] = ['55P03', '40P01'];

/**
 * A change of the model that all vectors are made with, as the owner of the tables does it: a table beside is filled by
 * the services, gets its indexes, and takes the place of the one in use in a moment. What is stored here tells the services
 * what to do; nothing is kept in this process, so that it may end at any time and another one goes on.
 */
export class ReEmbedding {
  constructor(
    private readonly database: Database,
    /** Indexes are built on a connection of their own: see inBuildSession. */
    private readonly address: DatabaseAddress,
    /** Ends waiting for others and building: the call throws the signal's reason. */
    private readonly signal?: AbortSignal,
    /** Told of those that are waited for, in a few words each, whenever it steps back. */
    private readonly onHeldUp?: (holders: string[]) => void,
  ) {}

  /**
   * Begins to change to `setup`, or finds that this is under way.
   * @throws MillraceError SETUP_INVALID when the vectors are of that already, another change is under way, or the address
   *   is a pooler's, through which the indexes could not be built; or something refers to document_chunks.
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
          `The vectors are being changed to ${named(next)}, not ${named(setup)}. Let that come to its end, or cancel it: "re-embed cancel".`,
        );
      }
      if (isSameModel(active, setup)) {
        throw new MillraceError('SETUP_INVALID', `The vectors are of ${named(setup)} already.`);
      }
      await createNextTable(sql, setup);
      await sql.none('INSERT INTO re_embeddings (id, model, dimensions) VALUES ($<id>, $<model>, $<dimensions>)', {
        id: newId(),
        ...setup,
      });
      return 'begun';
    });
  }

  /** Gives up what has been made so far; the reconciler ends the jobs. @returns what it was, or null when none was running. */
  cancel(): Promise<EmbeddingModel | null> {
    return this.withLocks(async ({ sql, embeddingModels }) => {
      const { next } = await embeddingModels.find();
      if (next === null) {
        return null;
      }
      // The order of a settlement's locks. The foreign key goes with the table, for which documents must be locked too.
      await sql.none('LOCK TABLE document_chunks_next IN ACCESS EXCLUSIVE MODE');
      await sql.none('DROP TABLE document_chunks_next');
      await sql.none(
        `UPDATE re_embeddings SET status = 'cancelled', finished_at = now() WHERE id = $1 AND status = 'running'`,
        [next.reEmbeddingId],
      );
      return next;
    });
  }

  /** Builds the indexes of the new vectors that are not there yet, while they are added to. */
  buildIndexes({ dimensions }: NextModel, resources: Resources): Promise<void> {
    return inBuildSession(this.address, this.signal, (client) =>
      buildNextIndexes(client, this.database.sql, dimensions, resources),
    );
  }

  /** Whether document_chunks has an index that the new vectors have not. */
  lacksIndexes({ dimensions }: NextModel): Promise<boolean> {
    return lacksIndexes(this.database.sql, dimensions);
  }

  /** How far the index that is being built has come; null when none is. */
  buildProgress(): Promise<BuildProgress | null> {
    return findBuildProgress(this.database.sql, 'document_chunks_next');
  }

  /** From now on, for so many milliseconds, nothing is embedded with the model in use; 0 ends that. */
  async close({ reEmbeddingId }: NextModel, forMs: number): Promise<void> {
    await this.database.sql.none(
      `UPDATE re_embeddings SET closing_until = now() + $<forMs> * interval '1 millisecond'
       WHERE id = $<reEmbeddingId> AND status = 'running'`,
      { reEmbeddingId, forMs },
    );
  }

  /**
   * Puts the new vectors in the place of the old ones, which go, in one transaction. Writes wait while every chunk is looked
   * at, searches only for the moment of the change.
   * @returns false, with nothing changed, when a chunk has no new vector, or an index of the old ones is missing.
   * @throws MillraceError SETUP_INVALID when since it was begun a migration has changed the columns, or something has been made
   *   that refers to document_chunks.
   */
  change({ reEmbeddingId, ...setup }: NextModel): Promise<boolean> {
    return this.withLocks(async ({ sql }) => {
      // Whoever builds another index drops the old one by its name in the end, which a new one has by then.
      await sql.many('SELECT pg_advisory_xact_lock($1)', [buildLock]);
      // In the order of a settlement's locks.
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
      await sql.none('UPDATE embedding_settings SET model = $<model>, dimensions = $<dimensions>', setup);
      await sql.one(
        `UPDATE re_embeddings SET status = 'completed', closing_until = NULL, finished_at = now()
         WHERE id = $1 AND status = 'running' RETURNING id`,
        [reEmbeddingId],
      );
      return true;
    });
  }

  /**
   * Runs `work` in a transaction that waits for a lock no longer than others can be made to wait behind it; steps back and
   * tries again as often as it takes.
   */
  private async withLocks<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      this.signal?.throwIfAborted();
      try {
        return await this.database.transaction(async (session) => {
          await session.sql.none(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
          return work(session);
        });
      } catch (error) {
        if (!heldUp.includes((error as { code?: unknown }).code)) {
          throw error;
        }
        if (this.onHeldUp) {
          this.onHeldUp(await findHolders(this.database.sql));
        }
        await setTimeout(pauseMs * (0.5 + Math.random()), undefined, { signal: this.signal }).catch(() => undefined);
      }
    }
  }
}

function named({ model, dimensions }: EmbeddingModel): string {
  return `${model} (${dimensions} dimensions)`;
}
