import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@millrace/test-support';
import { withClient } from '../src/connection/withClient';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase({ empty: true });
});
afterAll(() => testDatabase.drop());

/** Linux's number for the keep-alive timer of a connection (proc_pid_net(5), "tr"). */
const keepalive = '02';

test('When a connection is idle, then its keep-alive timer runs', async () => {
  const timer = await withClient({ databaseUrl: testDatabase.url }, { application_name: 'test' }, async (client) => {
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    const port = Number(stream.localPort).toString(16).toUpperCase().padStart(4, '0');
    const connection = ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
      .map((line) => line.trim().split(/\s+/))
      .find(([, local]) => local?.endsWith(`:${port}`));
    return connection?.[5]?.split(':')[0];
  });
  expect(timer).toBe(keepalive);
});
