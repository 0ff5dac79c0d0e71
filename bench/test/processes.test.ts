import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createTestDatabase, type TestDatabase, testServers } from '@millrace/test-support';
import { Client } from 'pg';
import { ProcessWatch } from '../src/processes';

let database: TestDatabase;
let client: Client;

beforeEach(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});
afterEach(async () => {
  await client?.end();
  await database?.drop();
});

/** A process with one child. Both compute for half a second of processor time when told to, and report it. */
const busyProgram = `
  const { fork } = require('node:child_process');
  const busy = () => { const from = process.cpuUsage().user; while (process.cpuUsage().user - from < 5e5); };
  if (process.argv[1] === 'child') {
    process.on('message', () => { busy(); process.send('done'); });
  } else {
    const child = fork('-e', [], { execArgv: ['-e', process.env.PROGRAM, 'child'] });
    process.on('message', () => { busy(); child.send('go'); });
    child.on('message', () => process.send('done'));
    process.on('disconnect', () => child.kill());
  }`;

describe('Watching processor time', () => {
  test('When a process, its child and the database compute, then each is counted in that lap only', async () => {
    const busy = spawn(process.execPath, ['-e', busyProgram, 'parent'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { PATH: process.env.PATH, PROGRAM: busyProgram },
    });
    const ended = once(busy, 'exit');
    try {
      const watch = await ProcessWatch.start([{ name: 'busy', pid: busy.pid ?? 0 }], {
        databaseUrl: database.url,
        redisUrl: testServers().redisUrl,
      });
      busy.send('go');
      await once(busy, 'message');
      await client.query('SELECT sum(sqrt(i)) FROM generate_series(1, 3000000) AS i');
      const first = await watch.lap();
      const second = await watch.lap();
      await watch.stop();
      expect(first.get('busy')).toBeGreaterThanOrEqual(0.4);
      expect(first.get('busy child')).toBeGreaterThanOrEqual(0.4);
      expect(first.get('postgres')).toBeGreaterThanOrEqual(0.05);
      expect(watch.peaks.get('busy')).toBeGreaterThan(10);
      expect(watch.peaks.get('busy child')).toBeGreaterThan(10);
      expect(second.get('busy')).toBeLessThan(0.4);
      expect(second.get('postgres')).toBeLessThan(0.05);
    } finally {
      busy.kill();
      await ended;
    }
  });
});
