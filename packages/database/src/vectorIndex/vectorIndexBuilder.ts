import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/contracts';
import { type Client, escapeIdentifier } from 'pg';
import type { DatabaseAddress } from '../connection/withClient';
import type { Database } from '../database/database';
import { signatureBits } from '../signature/signature';
import { signTable } from '../signature/signTable';
import { type Slot, slots } from '../signature/slots';
import { findMeans, removeMean } from '../signature/storedMeans';
import { type BuildProgress, findBuildProgress } from './buildProgress';
import { inBuildSession, type Resources, tuneBuild } from './buildSession';
import { indexDefinition } from './definition';
import { findVectorIndexes, type VectorIndex } from './find';
import { buildMemory, listsFor } from './ivfflat';
import { type VectorIndexKind, vectorIndexKind } from './kinds';

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

/** What an index is besides its name. */
type IndexShape = Pick<VectorIndex, 'kind' | 'parameters'>;

/**
 * Builds, replaces and drops the index over the vectors while searches and writes go on (CREATE, REINDEX and DROP INDEX
 * CONCURRENTLY). Connect as the owner of the tables. Each build first removes the remains of an interrupted one. An index over
 * signatures is built after every vector has one, see signTable.
 */
export class VectorIndexBuilder {
  private signing: BuildProgress | null = null;

  constructor(
    private readonly database: Pick<Database, 'sql' | 'transaction' | 'vectorIndexes'>,
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
      const { rows } = await this.vectors();
      const shape = { kind, parameters: parametersFor(kind, rows, options) };
      return await this.replace(client, before, { ...shape, slot: await this.sign(client, before, kind) }, options);
    });
  }

  /**
   * Rebuilds the newest index with the same parameters. An index over signatures is replaced when the mean of the vectors
   * has changed since they were made. @throws MillraceError SETUP_INVALID when there is no index.
   */
  async rebuild(options: Resources & Pick<BuildOptions, 'handOverMs'> = {}): Promise<VectorIndex> {
    return this.withoutOtherBuilds(async (client) => {
      const before = await this.dropInvalid(client);
      const index = before.at(-1);
      if (index === undefined) {
        throw new MillraceError('SETUP_INVALID', 'There is no vector index to rebuild. Build one: "index build KIND".');
      }
      const slot = await this.sign(client, before, index.kind);
      if (vectorIndexKind[index.kind].overBits && slot !== index.signatures?.slot) {
        return await this.replace(client, before, { ...index, slot }, options);
      }
      await this.tune(client, index, options);
      await client.query(`REINDEX INDEX CONCURRENTLY ${escapeIdentifier(index.name)}`);
      await this.stopSigning(slot);
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

  /** Returns the progress of this build or of the running build of any session, or null when there is none. */
  async progress(): Promise<BuildProgress | null> {
    return this.signing ?? findBuildProgress(this.database.sql, 'document_chunks');
  }

  /** @returns the slot of the signatures that an index of this kind is to be over. */
  private async sign(client: Client, before: readonly VectorIndex[], kind: VectorIndexKind): Promise<Slot> {
    const complete = (await findMeans(this.database.sql, 'document_chunks')).filter((mean) => mean.complete);
    const searched = before.findLast(({ signatures }) => signatures !== null)?.signatures;
    const current = searched?.slot ?? complete.at(-1)?.slot ?? null;
    const other = slots.find((slot) => slot !== current) ?? 'a';
    if (!vectorIndexKind[kind].overBits) {
      return current ?? other;
    }
    // An interrupted build may have left the index that its own had replaced.
    for (const { name, signatures } of before) {
      if (signatures?.slot === other) {
        await client.query(dropStatement(name));
      }
    }
    this.signing = { phase: 'making signatures', share: null };
    try {
      return await signTable(
        {
          database: this.database,
          table: 'document_chunks',
          signal: this.signal,
          onProgress: (share) => {
            this.signing = { phase: 'making signatures', share };
          },
        },
        { current, other },
      );
    } finally {
      this.signing = null;
    }
  }

  /** Builds an index and then drops the ones before, with the signatures that only they were over. */
  private async replace(
    client: Client,
    before: readonly VectorIndex[],
    { slot, ...shape }: IndexShape & { slot: Slot },
    options: Resources & Pick<BuildOptions, 'handOverMs'>,
  ): Promise<VectorIndex> {
    const name = nextName(before);
    const { dimensions } = await this.tune(client, shape, options);
    await client.query(
      `CREATE INDEX CONCURRENTLY ${escapeIdentifier(name)} ON document_chunks ${indexDefinition(shape, dimensions, slot)}`,
    );
    if (before.length > 0) {
      await sleep(options.handOverMs ?? defaultHandOverMs, undefined, this.signal && { signal: this.signal });
    }
    for (const old of before) {
      await client.query(dropStatement(old.name));
    }
    await this.stopSigning(slot);
    return await this.find(name);
  }

  /** Ends the making of signatures that no index is over. */
  private async stopSigning(kept: Slot): Promise<void> {
    for (const unused of slots.filter((slot) => slot !== kept)) {
      await removeMean(this.database.sql, 'document_chunks', unused);
    }
  }

  private async tune(client: Client, shape: IndexShape, options: Resources): Promise<{ dimensions: number }> {
    const { dimensions } = await this.vectors();
    await tuneBuild(client, options, buildMemory(shape, signatureBits(dimensions)));
    return { dimensions };
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
