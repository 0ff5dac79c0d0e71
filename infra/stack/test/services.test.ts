import { once } from 'node:events';
import { cpSync, existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { ensureServices, resetServices, stopServices } from '../src/backing/services';
import { readServiceState } from '../src/backing/state';
import { inspectServices } from '../src/backing/status';
import { withClient } from '../src/postgres/probe';
import { withRedis } from '../src/redis/probe';
import { chooseApiPort } from '../src/run/localStack';
import type { PrivateInstance, ServiceName } from '../src/servers/instance';
import { isRunning } from '../src/servers/serverProcess';
import { createContext, type StackContext } from '../src/system/context';
import { withInterrupt } from '../src/system/interrupt';
import { canRunServers, cleanUp, makeContext, makeFolder, processesWith } from './helpers';

afterAll(cleanUp);

function instanceOf(context: StackContext, service: ServiceName): PrivateInstance {
  const instance = readServiceState(context)[service];
  if (instance?.kind !== 'private') {
    throw new Error(`${service} is not a private instance`);
  }
  return instance;
}

const describeWithServers = canRunServers ? describe : describe.skip;

describeWithServers('private servers', () => {
  // All tests share one state folder, because making a database cluster takes longest. Each makes the state it needs.
  const context = makeContext();

  test('When they are running, then a second call uses the same servers and starts nothing', async () => {
    await stopServices(context);
    const first = await ensureServices(context, { keep: true });
    const second = await ensureServices(context, { keep: true });
    expect(first.startedByUs).toBe(true);
    expect(second).toMatchObject({ databaseUrl: first.databaseUrl, redisUrl: first.redisUrl, startedByUs: false });
    const vector = await withClient(first.databaseUrl, 60_000, (client) => client.query('CREATE EXTENSION vector'));
    expect(vector.command).toBe('CREATE');
    const policy = await withRedis(first.redisUrl, 60_000, (redis) => redis.config('GET', 'maxmemory-policy'));
    expect(policy).toEqual(['maxmemory-policy', 'noeviction']);
  });

  test('When two callers start them at once, then both get the same servers', async () => {
    await stopServices(context);
    const [one, two] = await Promise.all([ensureServices(context), ensureServices(context)]);
    expect(one.databaseUrl).toBe(two.databaseUrl);
    expect([one.startedByUs, two.startedByUs].sort()).toEqual([false, true]);
    await one.stop();
    expect(isRunning(instanceOf(context, 'postgres'))).toBe(true);
    await two.stop();
    expect(isRunning(instanceOf(context, 'postgres'))).toBe(false);
    expect(isRunning(instanceOf(context, 'redis'))).toBe(false);
  });

  test('When the servers were killed, then the next call starts them again with their data', async () => {
    const before = await ensureServices(context, { keep: true });
    await withClient(before.databaseUrl, 60_000, (client) => client.query('CREATE TABLE kept AS SELECT 7 AS value'));
    for (const service of ['postgres', 'redis'] as const) {
      process.kill(instanceOf(context, service).pid, 'SIGKILL');
    }
    const after = await ensureServices(context, { keep: true });
    expect(after.startedByUs).toBe(true);
    expect(after.databaseUrl).toBe(before.databaseUrl);
    const { rows } = await withClient(after.databaseUrl, 60_000, (client) => client.query('SELECT value FROM kept'));
    expect(rows).toEqual([{ value: 7 }]);
  });

  test('When other programs have taken the ports of stopped servers, then the servers start on other ports', async () => {
    await ensureServices(context, { keep: true });
    await stopServices(context);
    const ports = [instanceOf(context, 'postgres').port, instanceOf(context, 'redis').port];
    const others = ports.map((port) => createServer().listen(port, '127.0.0.1'));
    try {
      const second = await ensureServices(context);
      expect(ports).not.toContain(instanceOf(context, 'postgres').port);
      expect(ports).not.toContain(instanceOf(context, 'redis').port);
      await second.stop();
    } finally {
      for (const other of others) {
        other.close();
      }
    }
  });

  test('When the status is shown, then it contains no password', async () => {
    const { databaseUrl, redisUrl } = await ensureServices(context, { keep: true });
    const statuses = await inspectServices(context);
    expect(statuses.map((status) => status.answers)).toEqual([true, true]);
    const text = statuses.map((status) => status.text).join('\n');
    expect(text).not.toContain(new URL(databaseUrl).password);
    expect(text).not.toContain(new URL(redisUrl).password);
  });

  test('When a state folder was copied, then the copy does not use the servers of the original', async () => {
    await ensureServices(context, { keep: true });
    const copy = makeFolder();
    cpSync(`${context.stateDir}/services.json`, `${copy}/services.json`);
    const copied = createContext({ root: context.root, environment: {}, stateDir: copy, print: () => undefined });
    expect(readServiceState(copied).postgres).toBeUndefined();
    await stopServices(copied);
    expect(isRunning(instanceOf(context, 'postgres'))).toBe(true);
  });

  test('When they are stopped, then no process is left, and a reset leaves no data', async () => {
    await ensureServices(context, { keep: true });
    const { dataDir } = instanceOf(context, 'postgres');
    expect(processesWith(dataDir).length).toBeGreaterThan(0);
    expect(await stopServices(context)).toEqual(['postgres', 'redis']);
    expect(processesWith(dataDir)).toEqual([]);
    expect(existsSync(dataDir)).toBe(true);
    await resetServices(context);
    expect(existsSync(dataDir)).toBe(false);
  });
});

describe('configured servers', () => {
  test('When the database does not answer, then the error names the variable and hides the password', async () => {
    const context = makeContext({ DATABASE_URL: 'postgresql://me:secret@127.0.0.1:1/mine' });
    const failure = await ensureServices(context).catch((error: Error) => error.message);
    expect(failure).toMatch(/DATABASE_URL is set to postgresql:\/\/me:\*\*\*@127\.0\.0\.1:1\/mine.*does not answer/);
    expect(failure).not.toContain('secret');
  });

  test('When a URL is configured, then a reset refuses and says what to do', async () => {
    const context = makeContext({ DATABASE_URL: 'postgresql://me@127.0.0.1:1/mine' });
    await expect(resetServices(context)).rejects.toThrow(/server of yours, so nothing was deleted[\s\S]*DROP DATABASE/);
  });
});

describe("the API's port", () => {
  test('When API_PORT is taken, then the error names it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(chooseApiPort(makeContext({ API_PORT: String(port) }))).rejects.toThrow(`API_PORT is ${port}`);
    other.close();
    await once(other, 'close');
  });

  test('When API_PORT is not set, then the port is free', async () => {
    const server = createServer().listen(await chooseApiPort(makeContext()), '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
  });
});

test('When Ctrl-C arrives twice at once, as under npm, then the work is told once and can end in order', async () => {
  const printed: string[] = [];
  const outcome = await withInterrupt(
    (line) => printed.push(line),
    async (signal) => {
      process.emit('SIGINT');
      process.emit('SIGINT');
      return signal.aborted ? 'ended in order' : 'not told';
    },
  );
  expect(outcome).toBe('ended in order');
  expect(printed).toHaveLength(1);
});
