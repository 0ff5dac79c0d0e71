import { addPoolMetrics, Counter, createRegistry, type HealthServer, runChecks, startHealthServer } from '../src';

describe('The readiness checks', () => {
  test('When all checks resolve, then the service is ready', async () => {
    expect(await runChecks({ one: async () => [] })).toEqual({
      ready: true,
      checks: { one: 'ok' },
      warnings: [],
    });
  });

  test('When one check rejects, then the result has its reason and the results of the others', async () => {
    const readiness = await runChecks({
      good: async () => [],
      bad: async () => {
        throw new Error('no route to host');
      },
    });
    expect(readiness).toEqual({ ready: false, checks: { good: 'ok', bad: 'no route to host' }, warnings: [] });
  });

  test('When a check passes with a warning, then the service is ready, and the warning is shown', async () => {
    expect(await runChecks({ good: async () => [], old: async () => ['It is old.'] })).toEqual({
      ready: true,
      checks: { good: 'ok', old: 'ok' },
      warnings: ['It is old.'],
    });
  });

  test('When one check never settles, then it fails', async () => {
    const readiness = await runChecks({ silent: () => new Promise(() => undefined) });
    expect(readiness).toMatchObject({ ready: false, checks: { silent: expect.stringContaining('no answer') } });
  });
});

describe('The health server of a worker', () => {
  let isHealthy = true;
  let counts = { active: 0, idle: 0, waiting: 0, max: 5 };
  let server: HealthServer;
  beforeAll(async () => {
    const registry = createRegistry('tester');
    addPoolMetrics(registry, () => ({ primary: counts }));
    new Counter({ name: 'things_total', help: 'Things', registers: [registry] }).inc(3);
    server = await startHealthServer({
      host: '127.0.0.1',
      port: 0,
      registry,
      checks: {
        database: async () => {
          if (!isHealthy) {
            throw new Error('unreachable');
          }
          return [];
        },
      },
    });
  });
  afterAll(() => server.close());

  test('When a check fails, then readyz answers 503 with the reason and healthz still answers 200', async () => {
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    isHealthy = false;
    const response = await fetch(`${server.url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ready: false, checks: { database: 'unreachable' }, warnings: [] });
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  test('When metrics are read, then each has the label of the service', async () => {
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('things_total{service="tester"} 3');
  });

  test('When metrics are read, then they show the current counts of the connection pool', async () => {
    for (const moment of [
      { active: 5, idle: 0, waiting: 7, max: 5 },
      { active: 1, idle: 2, waiting: 0, max: 5 },
    ]) {
      counts = moment;
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      for (const line of [
        `millrace_database_connections{pool="primary",state="active",service="tester"} ${moment.active}`,
        `millrace_database_connections{pool="primary",state="idle",service="tester"} ${moment.idle}`,
        `millrace_database_waiting{pool="primary",service="tester"} ${moment.waiting}`,
        'millrace_database_connections_max{pool="primary",service="tester"} 5',
      ]) {
        expect(metrics).toContain(line);
      }
    }
  });

  test('When another path is requested, then the status is 404', async () => {
    expect((await fetch(`${server.url}/secret`)).status).toBe(404);
  });

  test('When the port is in use, then the start fails', async () => {
    const port = Number(new URL(server.url).port);
    const again = startHealthServer({ host: '127.0.0.1', port, registry: createRegistry('second'), checks: {} });
    await expect(again).rejects.toThrow('EADDRINUSE');
  });
});
