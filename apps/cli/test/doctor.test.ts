import { withClient } from '@millrace/stack';
import { createTestDatabase, type TestDatabase, testServers } from '@millrace/test-support';
import { checkNode } from '../src/doctor/machine';
import { judgeRedis } from '../src/doctor/servers';
import { runCommand } from '../src/program';
import { cleanUp, makeContext } from './helpers';

let database: TestDatabase;
let empty: TestDatabase;
beforeAll(async () => {
  [database, empty] = await Promise.all([
    createTestDatabase({ model: 'millrace-static-v2' }),
    createTestDatabase({ empty: true }),
  ]);
});
afterAll(async () => {
  await Promise.all([database.drop(), empty.drop()]);
  cleanUp();
});

/** Runs `doctor` with these variables. */
async function doctor(environment: Record<string, string>): Promise<{ code: number; text: string }> {
  const context = makeContext({
    DATABASE_URL: database.url,
    REDIS_URL: testServers().redisUrl,
    EMBEDDING_CONTEXT: 'none',
    ...environment,
  });
  const code = await runCommand(context, ['doctor']);
  return { code, text: context.printed.join('\n') };
}

test('When all works, then the versions are shown, and there is no fault', async () => {
  const { code, text } = await doctor({});
  expect(text).toMatch(/ok +PostgreSQL \d+.*\n.*pgvector 0\.\d+\.\d+/);
  expect(text).toMatch(/ok +Redis at \S+ is version \d/);
  expect(text).toContain(process.versions.node);
  expect(text).toContain('Faults: 0.');
  expect(code).toBe(0);
});

test('When the database has no tables, then the fault names the command that makes them', async () => {
  const { code, text } = await doctor({ DATABASE_URL: empty.url });
  expect(text).toMatch(/fault .*npm run services -- up/);
  expect(code).toBe(1);
});

test('When the definitions of pgvector are of an unsafe version, then a warning says how to repair it', async () => {
  await withClient(database.url, 60_000, (client) =>
    client.query(`UPDATE pg_extension SET extversion = '0.8.0' WHERE extname = 'vector'`),
  );
  const { code, text } = await doctor({});
  expect(text).toMatch(/warning .*0\.8\.0.*index rebuild/);
  expect(code).toBe(0);
});

test('When several things are wrong, then one run names all, without passwords', async () => {
  const { code, text } = await doctor({
    DATABASE_URL: 'postgresql://me:secret@127.0.0.1:1/mine',
    DATABASE_MIGRATION_URL: 'postgresql://me:secret@db.example.org/mine',
    REDIS_URL: 'redis://:secret@127.0.0.1:1',
    API_PORT: '70000',
  });
  expect(text).toMatch(/fault +PostgreSQL: DATABASE_URL.*does not answer/);
  expect(text).toMatch(/fault +Redis: REDIS_URL.*does not answer/);
  expect(text).toMatch(/API_PORT must be/);
  expect(text).toMatch(/warning .*db\.example\.org is not encrypted.*DATABASE_MIGRATION_URL/);
  expect(text).not.toContain('secret');
  expect(code).toBe(1);
});

test.each([
  ['20.19.0', 'warning'],
  ['22.23.3', 'ok'],
  ['24.21.0', 'ok'],
  ['26.10.0', 'warning'],
])('When Node is %s, then the finding is %s', (version, level) => {
  expect(checkNode(version).level).toBe(level);
});

test.each([
  ['7.0.15', 'noeviction', 'ok'],
  ['7.0.15', undefined, 'ok'],
  ['7.0.15', 'allkeys-lru', 'fault'],
  ['6.0.16', 'noeviction', 'fault'],
])('When Redis is %s with the policy %s, then the finding is %s', (version, policy, level) => {
  expect(judgeRedis('Redis', version, policy).level).toBe(level);
});
