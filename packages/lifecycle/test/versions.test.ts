import { EventEmitter, once } from 'node:events';
import { newId } from '@millrace/contracts';
import { type Database, defaultCollectionId } from '@millrace/database';
import { testReading, waitFor } from '@millrace/test-support';
import {
  acceptedDocument,
  type ChunkedDocument,
  chunkedDocument,
  claimAndSettle,
  createOwnDatabase,
  type EndedOptions,
  endedDocument,
  newDocument,
  testActor,
} from '@millrace/test-support/lifecycle';
import { acceptDocument, cancelJob, deleteDocument, pruneVersions, restoreVersion, retryJob } from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

let externalId: string;
beforeEach(() => {
  externalId = `name ${newId()}`;
});

const hash = (digit: string) => digit.repeat(64);
const accepted = (digit: string) => acceptedDocument(database, { externalId, contentHash: hash(digit) });
const ended = (options: EndedOptions = {}) => endedDocument(database, 2, { externalId, ...options });
const begun = () => chunkedDocument(database, 2, { externalId, jobMaxRetries: 0 });
const finish = ({ chunkIds }: ChunkedDocument) => claimAndSettle(database, chunkIds);
const fail = ({ chunkIds }: ChunkedDocument) =>
  claimAndSettle(database, chunkIds, Object.fromEntries(chunkIds.map((id) => [id, 'EMBEDDING_REJECTED' as const])));

/** The versions of the external id, the newest first: its number, its status, and a star when it is current. */
async function versions(): Promise<string[]> {
  const rows = await database.documents.listVersions(
    { collectionId: defaultCollectionId, externalId },
    { below: 1_000_000, limit: 100 },
  );
  return rows.map((row) => `${row.version} ${row.status}${row.isCurrent ? ' *' : ''}`);
}

describe('Uploading under an external id', () => {
  test('When the name is new, then the document is version 1 and current at once', async () => {
    await accepted('a');
    expect(await versions()).toEqual(['1 queued *']);
  });

  test('When other content comes, then it is a new document with the next number, and the old one stays current', async () => {
    const first = await accepted('a');
    const second = await accepted('b');
    expect(second.documentId).not.toBe(first.documentId);
    expect(second.jobId).not.toBe(first.jobId);
    expect(await versions()).toEqual(['2 queued', '1 queued *']);
  });

  test('When the content of the newest version comes again, then nothing happens', async () => {
    const first = await accepted('a');
    expect((await accepted('a')).documentId).toBe(first.documentId);
    const second = await accepted('b');
    expect(await accepted('b')).toEqual(second);
    expect(await versions()).toEqual(['2 queued', '1 queued *']);
  });

  test('When the current content comes again while a newer version is read, then that version never becomes current', async () => {
    const first = await ended({ contentHash: hash('a') });
    const second = await begun();
    expect((await accepted('a')).documentId).toBe(first.documentId);
    await finish(second);
    expect(await versions()).toEqual(['3 ready *', '2 ready']);
  });

  test('When many versions come at once, then each has a number of its own and one is current', async () => {
    await Promise.all([...'abcdef'].map((digit) => accepted(digit)));
    const listed = await versions();
    expect(listed.map((text) => Number.parseInt(text, 10))).toEqual([6, 5, 4, 3, 2, 1]);
    expect(listed.filter((text) => text.endsWith('*'))).toEqual(['1 queued *']);
  });

  test('When the same content has another name or none, then it is another document', async () => {
    const contentHash = newId().replaceAll('-', '').padEnd(64, '1');
    const ids = new Set<string>();
    for (const name of [{ externalId }, { externalId: `${externalId} too` }, {}, {}]) {
      ids.add((await acceptedDocument(database, { ...name, contentHash })).documentId);
    }
    expect(ids.size).toBe(3);
  });
});

describe('A version', () => {
  test('When it becomes ready, then it takes the place of the current one', async () => {
    await ended();
    const second = await begun();
    await claimAndSettle(database, second.chunkIds.slice(0, 1));
    expect(await versions()).toEqual(['2 processing', '1 ready *']);
    await finish(second);
    expect(await versions()).toEqual(['2 ready *', '1 ready']);
  });

  test('When it becomes partial, then it takes the place too', async () => {
    await ended();
    await ended({ failures: { 1: 'EMBEDDING_REJECTED' } });
    expect(await versions()).toEqual(['2 partial *', '1 ready']);
  });

  test('When it fails or is cancelled, then the old one stays, and a retry that succeeds changes that', async () => {
    await ended();
    const second = await begun();
    await fail(second);
    expect(await versions()).toEqual(['2 failed', '1 ready *']);
    const third = await begun();
    await cancelJob(database, third.jobId, testActor);
    expect(await versions()).toEqual(['3 cancelled', '2 failed', '1 ready *']);
    await retryJob(database, second.jobId, { force: true }, testActor);
    await finish(second);
    expect(await versions()).toEqual(['3 cancelled', '2 ready *', '1 ready']);
  });

  test('When a newer one was ready before it, then it never becomes current', async () => {
    await ended();
    const second = await begun();
    const third = await begun();
    await finish(third);
    expect(await versions()).toEqual(['3 ready *', '2 processing', '1 ready']);
    await finish(second);
    expect(await versions()).toEqual(['3 ready *', '2 ready', '1 ready']);
  });

  // Each round is another interleaving of transactions that wait for the current version while others become it.
  test.each([1, 2, 3, 4, 5, 6])(
    'When several end at the same time (round %d), then the newest is current at the end',
    async () => {
      await ended();
      const others = [];
      for (let i = 0; i < 6; i += 1) {
        others.push(await begun());
      }
      await Promise.all(others.map(finish));
      const listed = await versions();
      expect(listed[0]).toBe('7 ready *');
      expect(listed.filter((text) => text.endsWith('*'))).toHaveLength(1);
    },
  );

  test('When two others become current while it waits for the current one, then it still takes over', async () => {
    const first = await ended();
    const [second, third, fourth] = [await begun(), await begun(), await begun()];
    const replaced = await replacing(first, second);
    // It waits until the second version is current, and then keeps it locked.
    const replacedAgain = replacing(second, third);
    await waiters(1);
    const finished = finish(fourth);
    await waiters(2);
    await replaced();
    const commit = await replacedAgain;
    await waiters(1);
    await commit();
    await finished;
    expect(await versions()).toEqual(['4 ready *', '3 processing', '2 processing', '1 ready']);
  });
});

/** Makes one version current in place of another, in a transaction that stays open. @returns what commits it. */
function replacing(old: ChunkedDocument, next: ChunkedDocument): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const gate = new EventEmitter();
    const ended = database.transaction(async ({ sql }) => {
      await sql.none('UPDATE documents SET is_current = false WHERE id = $1', [old.documentId]);
      await sql.none('UPDATE documents SET is_current = true WHERE id = $1', [next.documentId]);
      const commit = once(gate, 'commit');
      resolve(async () => {
        gate.emit('commit');
        await ended;
      });
      await commit;
    });
    ended.catch(reject);
  });
}

/** Waits until so many transactions wait for a lock. */
async function waiters(count: number): Promise<void> {
  await waitFor(`${count} transactions to wait for a lock`, async () => {
    const { waiting } = await database.sql.one<{ waiting: number }>(
      `SELECT count(*)::integer AS waiting FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting === count;
  });
}

describe('Bringing a version back', () => {
  test('When it was ready, then it is current under the next number, and the act is recorded', async () => {
    const first = await ended();
    await ended();
    expect(await restoreVersion(database, first.documentId, testActor)).toBe('restored');
    expect(await versions()).toEqual(['3 ready *', '2 ready']);
    const [action] = await database.actions.list(
      { documentId: first.documentId, kinds: ['restore'] },
      { after: null, limit: 1 },
    );
    expect(action).toMatchObject({ kind: 'restore' });
  });

  test('When a newer version is read meanwhile, then it stays old, and the next upload becomes current', async () => {
    const first = await ended();
    await ended();
    const third = await begun();
    await restoreVersion(database, first.documentId, testActor);
    await finish(third);
    expect(await versions()).toEqual(['4 ready *', '3 ready', '2 ready']);
    await ended();
    expect(await versions()).toEqual(['5 ready *', '4 ready', '3 ready', '2 ready']);
  });

  test('When it is current and nothing newer exists, then nothing changes', async () => {
    const first = await ended();
    expect(await restoreVersion(database, first.documentId, testActor)).toBe('unchanged');
    expect(await versions()).toEqual(['1 ready *']);
  });

  test('When it has no chunks, has no external id, or does not exist, then nothing changes', async () => {
    await ended();
    const second = await begun();
    expect(await restoreVersion(database, second.documentId, testActor)).toBe('not_searchable');
    expect(await versions()).toEqual(['2 processing', '1 ready *']);
    const { documentId } = await endedDocument(database, 1);
    expect(await restoreVersion(database, documentId, testActor)).toBe('unchanged');
    expect(await restoreVersion(database, newId(), testActor)).toBeNull();
  });

  test('When two are brought back at once, then exactly one of them is current', async () => {
    const first = await ended();
    const second = await ended();
    await ended();
    await Promise.all([first, second].map(({ documentId }) => restoreVersion(database, documentId, testActor)));
    expect((await versions()).filter((text) => text.endsWith('*'))).toEqual(['5 ready *']);
  });
});

describe('Deleting a version', () => {
  test('When it is the current one, then all versions are deleted, and the name starts again at 1', async () => {
    const first = await ended();
    const second = await ended();
    const third = await begun();
    const unnamed = await endedDocument(database, 1);
    const deleted = await deleteDocument(database, second.documentId, testActor);
    expect(deleted?.sourcePaths.sort()).toEqual(
      [first, second, third].map(({ documentId }) => `originals/${documentId}`).sort(),
    );
    expect(await versions()).toEqual([]);
    expect(await database.documents.find(unnamed.documentId)).not.toBeNull();
    await accepted('a');
    expect(await versions()).toEqual(['1 queued *']);
  });

  test('When it is another one, then it alone is deleted', async () => {
    const first = await ended();
    await ended();
    const third = await begun();
    await deleteDocument(database, first.documentId, testActor);
    await deleteDocument(database, third.documentId, testActor);
    expect(await versions()).toEqual(['2 ready *']);
  });
});

describe('When a document is deleted', () => {
  test('while a version of it is uploaded, then that version goes too', async () => {
    const first = await ended();
    const gate = new EventEmitter();
    let begin: () => void = () => undefined;
    const isAccepting = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const accepting = acceptDocument(
      database,
      { ...newDocument(), externalId },
      {
        jobId: newId(),
        jobMaxRetries: 0,
        chunkMaxRetries: 1,
        reading: testReading,
        record: async () => {
          begin();
          await once(gate, 'commit');
        },
      },
    );
    await isAccepting;
    const deleting = deleteDocument(database, first.documentId, testActor);
    await waiters(1);
    gate.emit('commit');
    await Promise.all([accepting, deleting]);
    expect(await versions()).toEqual([]);
  });

  test('while that old version becomes current, then all versions go', async () => {
    const first = await ended();
    const second = await ended();
    const commit = await replacing(second, first);
    const deleting = deleteDocument(database, first.documentId, testActor);
    await waiters(1);
    await commit();
    await deleting;
    expect(await versions()).toEqual([]);
  });
});

describe('Removing old versions', () => {
  /** Looks at every version, a few at a time. */
  async function prune(kept: number): Promise<number> {
    let count = 0;
    for (let after: string | null = '00000000-0000-0000-0000-000000000000'; after !== null; ) {
      const pruned = await pruneVersions(database, { kept, after, looked: 2, removed: 2 });
      expect(pruned.sourcePaths).toHaveLength(pruned.removed);
      count += pruned.removed;
      after = pruned.last;
    }
    return count;
  }

  test('When more are old than are kept, then the oldest are removed', async () => {
    for (let i = 0; i < 5; i += 1) {
      await ended();
    }
    await prune(2);
    expect(await versions()).toEqual(['5 ready *', '4 ready', '3 ready']);
    await prune(0);
    expect(await versions()).toEqual(['5 ready *']);
  });

  test('When a version waits to become current, then it stays', async () => {
    await ended();
    await ended();
    await fail(await begun());
    await begun();
    await prune(0);
    expect(await versions()).toEqual(['4 processing', '3 failed', '2 ready *']);
  });

  test('When versions failed, then they push out none that can be brought back', async () => {
    await ended();
    await fail(await begun());
    await fail(await begun());
    await ended();
    await prune(1);
    expect(await versions()).toEqual(['4 ready *', '3 failed', '2 failed', '1 ready']);
    await ended();
    await prune(1);
    expect(await versions()).toEqual(['5 ready *', '4 ready']);
  });
});
