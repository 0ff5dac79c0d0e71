import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newId, type RetryResponse } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { encryptedPdf, testAdminPassword, testApiKey } from '@millrace/test-support';
import { endedDocument, newCollection, openDatabase } from '@millrace/test-support/lifecycle';
import { root, TestStack } from './support';

const run = promisify(execFile);

/** The shell commands in a document, each with the lines that it goes on over. */
async function commandsIn(document: string): Promise<string[]> {
  const text = await readFile(join(root, document), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block
      .replaceAll(/\\\n\s*/g, '')
      .split('\n')
      .filter((line) => line.startsWith('curl ')),
  );
}

/** A name in an example for what the test makes. */
const placeholder =
  /(DOCUMENT|JOB|CHUNK|GROUP|COLLECTION|MEMBER|OTHER_USER|USER|TEAM|KEY)_ID|\b(EMAIL|PASSWORD|REFRESH)\b/;

/** The documents whose examples are tried, and how many there are at least. */
const documents: [document: string, examples: number][] = [
  ['docs/api.md', 15],
  ['README.md', 8],
];

describe('When the examples of the documentation are run', () => {
  let millrace: TestStack;
  let folder: string;
  let database: Database;

  beforeAll(async () => {
    millrace = await TestStack.start();
    database = openDatabase(millrace.environment.config().DATABASE_URL);
    await database.sql.none(`INSERT INTO users (id, email) VALUES ($1, 'ada@example.org')`, [newId()]);
    folder = await mkdtemp(join(tmpdir(), 'millrace-examples-'));
    await cp(join(root, 'samples'), join(folder, 'samples'), { recursive: true });
    await writeFile(join(folder, 'locked.pdf'), await encryptedPdf('SECRET'));
    await writeFile(join(folder, 'a.txt'), 'A text in one encoding.');
  });
  afterAll(async () => {
    await database?.close();
    await millrace?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /**
   * Makes what the examples name: a document that has ended with a failed chunk, a retry of that chunk, a shared
   * collection, users, a group and a key.
   */
  async function placeholders(): Promise<Record<string, string>> {
    const { documentId, jobId, chunkIds } = await endedDocument(database, 2, { failures: { 1: 'EMBEDDING_REJECTED' } });
    const retry = await millrace.call<RetryResponse>('POST', `/api/v1/jobs/${jobId}/chunks/retry`);
    const collectionId = await newCollection(database);
    const memberId = newId();
    await database.sql.none('INSERT INTO users (id, email) VALUES ($1, $1)', [memberId]);
    await database.collectionMembers.put(collectionId, { id: memberId, kind: 'user' }, 'reader');
    const made = async (path: string, body: object) =>
      (await millrace.call<{ id: string }>('POST', `/api/v1/${path}`, body)).body.id;
    const refreshToken = async () => {
      const body = { grant_type: 'password', email: 'admin@localhost', password: testAdminPassword };
      return (await millrace.call<{ refresh_token: string }>('POST', '/api/v1/auth/token', body)).body.refresh_token;
    };
    return {
      EMAIL: 'admin@localhost',
      PASSWORD: testAdminPassword,
      REFRESH: await refreshToken(),
      USER_ID: await made('users', { email: `${randomUUID()}@example.org` }),
      OTHER_USER_ID: await made('users', { email: `${randomUUID()}@example.org` }),
      TEAM_ID: await made('groups', { name: randomUUID() }),
      KEY_ID: await made('keys', { name: 'test', scopes: ['read'] }),
      DOCUMENT_ID: documentId,
      JOB_ID: jobId,
      CHUNK_ID: chunkIds[1] ?? '',
      GROUP_ID: retry.body.group_id ?? '',
      COLLECTION_ID: collectionId,
      MEMBER_ID: memberId,
    };
  }

  test.each(documents)('then every request of %s succeeds', async (name, examples) => {
    const commands = await commandsIn(name);
    expect(commands.length).toBeGreaterThanOrEqual(examples);
    const failures: string[] = [];
    for (const command of commands) {
      // New ones for each command that names any: the one before may have deleted them.
      const values: Record<string, string> = placeholder.test(command) ? await placeholders() : {};
      const filled = command.replaceAll(new RegExp(placeholder, 'g'), (name) => values[name] ?? '');
      // A job that has ended is answered with 409 when it is cancelled.
      const allowed = filled.includes('/cancel') ? /^(200|409)$/ : /^20\d$/;
      const curl = `curl() { command curl -sS -o answer.json -w '%{http_code}' "$@"; }`;
      const { stdout } = await run('bash', ['-c', `${curl}\n${filled}`], {
        cwd: folder,
        env: { PATH: process.env.PATH, KEY: testApiKey, API: `${millrace.stack.apiUrl}/api/v1` },
      });
      if (!allowed.test(stdout)) {
        failures.push(`${stdout} ${command} ${await readFile(join(folder, 'answer.json'), 'utf8')}`);
      }
    }
    expect(failures).toEqual([]);
  });
});
