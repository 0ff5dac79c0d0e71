import { addPoolMetrics, Counter, createRegistry, type HealthServer, runChecks, startHealthServer } from '../src';

describe('Checks', () => {
  test('When all resolve, then the service is ready', async () => {
    expect(await runChecks({ one: async () => undefined })).toEqual({ ready: true, checks: { one: 'ok' } });
  });

  test('When one rejects, then the answer names it with its reason, and the others as well', async () => {
    const readiness = await runChecks({
      good: async () => undefined,
      bad: async () => {
        throw new Error('the cable is cut');
      },
    });
    expect(readiness).toEqual({ ready: false, checks: { good: 'ok', bad: 'the cable is cut' } });
  });

  test('When one never answers, then it has failed', async () => {
    const readiness = await runChecks({ silent: () => new Promise(() => undefined) });
    expect(readiness).toMatchObject({ ready: false, checks: { silent: expect.stringContaining('no answer') } });
  });
});

describe('The health server of a worker', () => {
  let well = true;
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
          if (!well) {
            throw new Error('away');
          }
        },
      },
    });
  });
  afterAll(() => server.close());

  test('When a check fails, then readyz answers 503 with the reason and healthz still answers 200', async () => {
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    well = false;
    const response = await fetch(`${server.url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ready: false, checks: { database: 'away' } });
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  test('When metrics are read, then they are labelled with the service', async () => {
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('things_total{service="tester"} 3');
  });

  test('When metrics are read, then they hold the counts of the connection pool at that moment', async () => {
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

  test('When another path is requested, then it is not found', async () => {
    expect((await fetch(`${server.url}/secret`)).status).toBe(404);
  });

  test('When its port is taken, then starting fails', async () => {
    const port = Number(new URL(server.url).port);
    const again = startHealthServer({ host: '127.0.0.1', port, registry: createRegistry('second'), checks: {} });
    await expect(again).rejects.toThrow('EADDRINUSE');
  });
});
