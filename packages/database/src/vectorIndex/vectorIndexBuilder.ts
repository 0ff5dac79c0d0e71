import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/contracts';
import { type Client, escapeIdentifier } from 'pg';
import type { Sql } from '../connection/sql';
import type { DatabaseAddress } from '../connection/withClient';
import { type BuildProgress, findBuildProgress } from './buildProgress';
import { inBuildSession, type Resources, tuneBuild } from './buildSession';
import { indexDefinition } from './definition';
import { findVectorIndexes, type VectorIndex } from './find';
import { buildMemory, listsFor } from './ivfflat';
import { type VectorIndexKind, vectorIndexKind } from './kinds';
import type { KnownIndexes } from './knownIndexes';

export interface BuildOptions extends Resources {
  /** For HNSW: the connections of a node (2 to 100). The default is 12. */
  m?: number;
  /** For HNSW: how many candidates are considered for them (4 to 1000). The default is 64. */
  efConstruction?: number;
  /** For IVFFlat: the number of lists. The default is `listsFor(rows)`. */
  lists?: number;
  /**
   * How long the old index stays once the new one is usable, in milliseconds. A replica may lag 5 seconds, and a process
   * caches its list of indexes for 2. The default of 10 seconds is longer, so no search plans with a dropped index.
   */
  handOverMs?: number;
}

const defaultHandOverMs = 10_000;

/** The parts of a Database that the builder needs. */
interface IndexedDatabase {
  readonly sql: Sql;
  readonly vectorIndexes: KnownIndexes;
}

/**
 * Builds, replaces and drops the index over the vectors while searches and writes go on (CREATE, REINDEX and DROP INDEX
 * CONCURRENTLY). Connect as the owner of the tables. Each build first removes the remains of an interrupted one.
 */
export class VectorIndexBuilder {
  constructor(
    private readonly database: IndexedDatabase,
    /** The address at which each build opens a connection. See inBuildSession. */
    private readonly address: DatabaseAddress,
    /** Cancels the running statement. The call then throws the signal's reason. */
    private readonly signal?: AbortSignal,
  ) {}

  /**
   * Builds an index of this kind, then drops the others.
   * @throws MillraceError as inBuildSession does, and SETUP_INVALID while another session builds an index.
   */
  async build(kind: VectorIndexKind, options: BuildOptions = {}): Promise<VectorIndex> {
    return this.withoutOtherBuilds(async (client) => {
      const before = await this.dropInvalid(client);
      const name = nextName(before);
      const { dimensions, rows } = await this.vectors();
      const parameters = parametersFor(kind, rows, options);
      await tuneBuild(client, options, buildMemory({ kind, parameters }, dimensions));
      await client.query(
        `CREATE INDEX CONCURRENTLY ${escapeIdentifier(name)} ON document_chunks ${indexDefinition(kind, dimensions, parameters)}`,
      );
      if (before.length > 0) {
        await sleep(options.handOverMs ?? defaultHandOverMs, undefined, this.signal && { signal: this.signal });
      }
      for (const old of before) {
        await client.query(dropStatement(old.name));
      }
      return await this.find(name);
    });
  }

  /** Rebuilds the newest index with the same parameters. @throws MillraceError SETUP_INVALID when there is no index. */
  async rebuild(options: Resources = {}): Promise<VectorIndex> {
    return this.withoutOtherBuilds(async (client) => {
      const index = (await this.dropInvalid(client)).at(-1);
      if (index === undefined) {
        throw new MillraceError('SETUP_INVALID', 'There is no vector index to rebuild. Build one: "index build KIND".');
      }
      await tuneBuild(client, options, buildMemory(index, (await this.vectors()).dimensions));
      await client.query(`REINDEX INDEX CONCURRENTLY ${escapeIdentifier(index.name)}`);
      return await this.find(index.name);
    });
  }

  /** Drops every vector index. From then on searches compare all vectors. @returns the dropped indexes. */
  async drop(): Promise<VectorIndex[]> {
    return this.withoutOtherBuilds(async (client) => {
      const indexes = await findVectorIndexes(this.database.sql);
      for (const { name } of indexes) {
        await client.query(dropStatement(name));
      }
      return indexes;
    });
  }

  /** Returns the progress of the running build of any session, or null when there is none. */
  async progress(): Promise<BuildProgress | null> {
    return findBuildProgress(this.database.sql, 'document_chunks');
  }

  private withoutOtherBuilds<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return inBuildSession(this.address, this.signal, async (client) => {
      // The index of another build is invalid until that build is done, so dropInvalid would drop it. Two builds would also
      // deadlock.
      if ((await this.progress()) !== null) {
        throw new MillraceError(
          'SETUP_INVALID',
          'Another session is building an index on document_chunks. Wait until it has ended.',
        );
      }
      try {
        return await work(client);
      } finally {
        this.database.vectorIndexes.forget();
      }
    });
  }

  /** @returns the valid indexes. */
  private async dropInvalid(client: Client): Promise<VectorIndex[]> {
    const indexes = await findVectorIndexes(this.database.sql);
    for (const { name } of indexes.filter((index) => !index.valid)) {
      await client.query(dropStatement(name));
    }
    return indexes.filter((index) => index.valid);
  }

  private vectors(): Promise<{ rows: number; dimensions: number }> {
    return this.database.sql.one(
      `SELECT (SELECT count(*)::float8 FROM document_chunks) AS rows, atttypmod AS dimensions FROM pg_attribute
       WHERE attrelid = 'document_chunks'::regclass AND attname = 'embedding'`,
    );
  }

  private async find(name: string): Promise<VectorIndex> {
    const index = (await findVectorIndexes(this.database.sql)).find((one) => one.name === name);
    if (index === undefined) {
      throw new MillraceError('INTERNAL', `The vector index ${name} is gone.`);
    }
    return index;
  }
}

function dropStatement(name: string): string {
  return `DROP INDEX CONCURRENTLY IF EXISTS ${escapeIdentifier(name)}`;
}

function parametersFor(kind: VectorIndexKind, rows: number, options: BuildOptions): Record<string, number> {
  return vectorIndexKind[kind].method === 'ivfflat'
    ? { lists: options.lists ?? listsFor(rows) }
    : { m: options.m ?? 12, ef_construction: options.efConstruction ?? 64 };
}

/** Returns a free name: the old index keeps its name until it is dropped. */
function nextName(indexes: readonly VectorIndex[]): string {
  const taken = new Set(indexes.map((index) => index.name));
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? 'document_chunks_embedding' : `document_chunks_embedding_${number}`;
    if (!taken.has(name)) {
      return name;
    }
  }
}
