import { join } from 'node:path';
import { migrate, runMonitoring } from '@millrace/database';
import { PrivateServers } from '../src/backing/privateServers';
import { withClient } from '../src/postgres/probe';
import { canRunServers, cleanUp, makeFolder } from './helpers';

afterAll(cleanUp);

const testWithServers = canRunServers ? test : test.skip;

testWithServers('When the server keeps statistics of its statements, then the slowest are shown', async () => {
  const servers = await PrivateServers.start({
    root: join(__dirname, '../../..'),
    folder: makeFolder(),
    postgres: { shared_preload_libraries: 'pg_stat_statements' },
  });
  try {
    const databaseUrl = await servers.createDatabase('watched');
    await migrate({
      databaseUrl,
      direction: 'up',
      embedding: { model: 'test-model', dimensions: 768, queryPrefix: '', documentPrefix: '', context: 'none' },
    });
    await withClient(databaseUrl, 60_000, async (client) => {
      await client.query('CREATE EXTENSION pg_stat_statements');
      await client.query('SELECT pg_sleep(0.5) FROM documents RIGHT JOIN collections ON true');
    });
    const slow = (await runMonitoring({ databaseUrl })).find((result) => result.name === 'slow-statements');
    expect(slow?.refusal).toBeNull();
    expect(slow?.rows).toContainEqual(
      expect.objectContaining({ calls: '1', statement: expect.stringContaining('FROM documents RIGHT JOIN') }),
    );
    expect(Number(slow?.rows[0]?.total_ms)).toBeGreaterThanOrEqual(500);
  } finally {
    await servers.stop();
  }
});
