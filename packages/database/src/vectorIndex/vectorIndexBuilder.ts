import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/contracts';
import { type Client, escapeIdentifier } from 'pg';
import type { Database } from '../database';
import type { DatabaseAddress } from '../withClient';
import { inBuildSession } from './buildSession';
import { findVectorIndexes, type VectorIndex } from './find';
import { type VectorIndexKind, vectorIndexKind } from './kinds';
import { indexesKnownForMs } from './knownIndexes';

export interface BuildOptions {
  /** For HNSW: connections of a node (2 to 100), and how many candidates are looked at for them (4 to 1000). */
  m?: number;
  efConstruction?: number;
  /** For IVFFlat: how many lists; a thousandth of the rows when left out, or their square root beyond a million. */
  lists?: number;
  /** maintenance_work_mem, such as 2GB: a graph that does not fit takes many times as long. */
  memory?: string;
  /** Processes that build, beside the first. */
  workers?: number;
}

/** How far a build has come, as PostgreSQL counts. */
export interface BuildProgress {
  phase: string;
  /** From 0 to 1; null where the phase does not tell. */
  share: number | null;
}

/** How many rows a list of IVFFlat is made for, as pgvector's documentation advises. */
const ROWS_PER_LIST = 1_000;

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
      await this.tune(client, options);
      await client.query(await this.createStatement(kind, name, options));
      if (before.length > 0) {
        // Until every service has seen the new one: a search that goes by an index that is gone compares all vectors.
        await sleep(2 * indexesKnownForMs, undefined, this.signal && { signal: this.signal });
      }
      for (const old of before) {
        await client.query(dropStatement(old.name));
      }
      return await this.find(name);
    });
  }

  /** Builds the index that is there anew, with what it was built with. @throws MillraceError SETUP_INVALID when there is none. */
  async rebuild(options: Pick<BuildOptions, 'memory' | 'workers'> = {}): Promise<VectorIndex> {
    return this.exclusively(async (client) => {
      const [index] = await this.dropInvalid(client);
      if (index === undefined) {
        throw new MillraceError('SETUP_INVALID', 'There is no vector index to rebuild. Build one: "index build KIND".');
      }
      await this.tune(client, options);
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
    return this.database.sql.oneOrNone<BuildProgress>(
      `SELECT phase, CASE WHEN tuples_total > 0 THEN tuples_done::float8 / tuples_total
                          WHEN blocks_total > 0 THEN blocks_done::float8 / blocks_total END AS share
       FROM pg_stat_progress_create_index
       WHERE relid = 'document_chunks'::regclass AND datname = current_database() LIMIT 1`,
    );
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

  private async tune(client: Client, { memory, workers }: Pick<BuildOptions, 'memory' | 'workers'>): Promise<void> {
    if (memory !== undefined) {
      await client.query(`SELECT set_config('maintenance_work_mem', $1, false)`, [memory]);
    }
    if (workers !== undefined) {
      await client.query(`SELECT set_config('max_parallel_maintenance_workers', $1, false)`, [String(workers)]);
    }
  }

  private async createStatement(kind: VectorIndexKind, name: string, options: BuildOptions): Promise<string> {
    const { rows, dimensions } = await this.database.sql.one<{ rows: number; dimensions: number }>(
      `SELECT (SELECT count(*)::float8 FROM document_chunks) AS rows, atttypmod AS dimensions FROM pg_attribute
       WHERE attrelid = 'document_chunks'::regclass AND attname = 'embedding'`,
    );
    const { method, operatorClass, indexed } = vectorIndexKind[kind];
    const parameters =
      method === 'ivfflat'
        ? { lists: options.lists ?? listsFor(rows) }
        : { m: options.m ?? 12, ef_construction: options.efConstruction ?? 64 };
    const written = Object.entries(parameters).map(([parameter, value]) => `${parameter} = ${Math.trunc(value)}`);
    return (
      `CREATE INDEX CONCURRENTLY ${escapeIdentifier(name)} ON document_chunks ` +
      `USING ${method} (${indexed('embedding', dimensions)} ${operatorClass}) WITH (${written.join(', ')})`
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

function listsFor(rows: number): number {
  const lists = rows <= 1_000_000 ? rows / ROWS_PER_LIST : Math.sqrt(rows);
  return Math.max(1, Math.round(lists));
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
