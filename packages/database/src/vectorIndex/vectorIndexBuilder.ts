import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/contracts';
import { type Client, escapeIdentifier } from 'pg';
import type { Database } from '../connection/database';
import type { DatabaseAddress } from '../connection/withClient';
import { type BuildProgress, findBuildProgress } from './buildProgress';
import { inBuildSession, type Resources, tuneBuild } from './buildSession';
import { indexDefinition } from './definition';
import { findVectorIndexes, type VectorIndex } from './find';
import { listsFor } from './ivfflatLists';
import { ivfflatMemory } from './ivfflatMemory';
import type { VectorIndexKind } from './kinds';

export interface BuildOptions extends Resources {
  /** For HNSW: connections of a node (2 to 100), and how many candidates are looked at for them (4 to 1000). */
  m?: number;
  efConstruction?: number;
  /** For IVFFlat: how many lists; see listsFor for when it is left out. */
  lists?: number;
  /**
   * How long the index before stays once the new one is usable, in milliseconds, so that no search goes by one that is gone: 10
   * seconds when left out, which a replica may lag behind (5) and every API asks again within (2).
   */
  handOverMs?: number;
}

const defaultHandOverMs = 10_000;

/**
 * Builds, replaces and drops the index over the vectors, with searches and writes going on (CREATE, REINDEX and DROP
 * INDEX CONCURRENTLY). Needs the owner of the tables. What an interrupted build leaves behind is removed by the next.
 */
export class VectorIndexBuilder {
  constructor(
    private readonly database: Database,
    /** Builds run on a connection of their own, for as long as they take: see inBuildSession. */
    private readonly address: DatabaseAddress,
    /** Breaks off what is being done: the server ends it, and the call throws the signal's reason. */
    private readonly signal?: AbortSignal,
  ) {}

  /**
   * Builds an index of this kind, then drops the others.
   * @throws MillraceError as inBuildSession does, and SETUP_INVALID while somebody builds by hand.
   */
  async build(kind: VectorIndexKind, options: BuildOptions = {}): Promise<VectorIndex> {
    return this.exclusively(async (client) => {
      const before = await this.dropInvalid(client);
      const name = nextName(before);
      const { dimensions, rows } = await this.vectors();
      const parameters = parametersFor(kind, rows, options);
      await tuneBuild(client, options, ivfflatMemory({ kind, parameters }, dimensions));
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

  /** Builds the index that is there anew, with what it was built with. @throws MillraceError SETUP_INVALID when there is none. */
  async rebuild(options: Resources = {}): Promise<VectorIndex> {
    return this.exclusively(async (client) => {
      const [index] = await this.dropInvalid(client);
      if (index === undefined) {
        throw new MillraceError('SETUP_INVALID', 'There is no vector index to rebuild. Build one: "index build KIND".');
      }
      await tuneBuild(client, options, ivfflatMemory(index, (await this.vectors()).dimensions));
      await client.query(`REINDEX INDEX CONCURRENTLY ${escapeIdentifier(index.name)}`);
      return await this.find(index.name);
    });
  }

  /** Drops every vector index; searches compare all vectors from then on. @returns what was dropped. */
  async drop(): Promise<VectorIndex[]> {
    return this.exclusively(async (client) => {
      const indexes = await findVectorIndexes(this.database.sql);
      for (const { name } of indexes) {
        await client.query(dropStatement(name));
      }
      return indexes;
    });
  }

  /** How far the build that is going on has come, by whomever; null when there is none. */
  async progress(): Promise<BuildProgress | null> {
    return findBuildProgress(this.database.sql, 'document_chunks');
  }

  private exclusively<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return inBuildSession(this.address, this.signal, async (client) => {
      // It would be taken for a broken build's remains, and two at once wait for each other until PostgreSQL ends one.
      if ((await this.progress()) !== null) {
        throw new MillraceError('SETUP_INVALID', 'Somebody is building an index on document_chunks by hand.');
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
      throw new MillraceError('INTERNAL', `The vector index ${name} is gone`);
    }
    return index;
  }
}

function dropStatement(name: string): string {
  return `DROP INDEX CONCURRENTLY IF EXISTS ${escapeIdentifier(name)}`;
}

function parametersFor(kind: VectorIndexKind, rows: number, options: BuildOptions): Record<string, number> {
  switch (kind) {
    case 'ivfflat':
    case 'ivfflat_binary':
      return { lists: options.lists ?? listsFor(kind, rows) };
    default:
      return { m: options.m ?? 12, ef_construction: options.efConstruction ?? 64 };
  }
}

/** The old index keeps its name until it goes. */
function nextName(indexes: readonly VectorIndex[]): string {
  const taken = new Set(indexes.map((index) => index.name));
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? 'document_chunks_embedding' : `document_chunks_embedding_${number}`;
    if (!taken.has(name)) {
      return name;
    }
  }
}
