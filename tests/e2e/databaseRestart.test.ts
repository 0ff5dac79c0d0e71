import { setTimeout as pause } from 'node:timers/promises';
import type { JobView } from '@millrace/contracts';
import { textPdf, waitFor } from '@millrace/test-support';
import { type Backing, missingPrograms, startBacking } from '../chaos/src/backing';
import { TestStack } from './support';

const missing = missingPrograms();
if (missing) {
  console.warn(`The tests that restart PostgreSQL are skipped: ${missing}`);
}
const describeWithServers = missing ? describe.skip : describe;

describeWithServers('A restart of PostgreSQL', () => {
  let backing: Backing;
  let millrace: TestStack;
  beforeAll(async () => {
    backing = await startBacking();
    millrace = await TestStack.start({
      DATABASE_URL: await backing.servers.createDatabase('restarts'),
      REDIS_URL: backing.servers.redisUrl,
      RECONCILE_INTERVAL_MS: '500',
      // Longer than a restart takes on any machine, so that the test does not depend on its speed.
      DATABASE_MAX_OUTAGE_MS: '300000',
    });
  });
  afterAll(async () => {
    await millrace?.stop();
    await backing?.stop();
  });

  const letter = (name: string) => textPdf([`A letter to ${name}. It says that all is well, and asks for an answer.`]);

  /** Asks every service whether it is ready. @returns the status codes. */
  const readiness = () =>
    Promise.all(millrace.stack.processes.map(async ({ url }) => (await fetch(`${url}/readyz`)).status));

  test('When PostgreSQL is stopped and started under load, then requests take longer and none fails', async () => {
    const first = await millrace.ingest(await letter('the first'));
    expect(first.document.status).toBe('ready');
    const stopping = new AbortController();
    const refused: unknown[] = [];
    const jobIds: string[] = [];
    let answered = 0;
    const note = (what: string, { status, body }: { status: number; body: unknown }, expected: number) => {
      answered += 1;
      if (status !== expected) {
        refused.push({ what, status, body });
      }
    };
    const load = Array.from({ length: 4 }, async (_, client) => {
      for (let n = 0; !stopping.signal.aborted; n += 1) {
        const upload = await millrace.upload(await letter(`client ${client}, number ${n}`));
        note('upload', upload, 202);
        jobIds.push(upload.body.job?.id);
        note('document', await millrace.call('GET', `/api/v1/documents/${first.document.id}`), 200);
        note('chunks', await millrace.call('GET', `/api/v1/documents/${first.document.id}/chunks`), 200);
        note('search', await millrace.call('POST', '/api/v1/search', { query: 'an answer', limit: 5 }), 200);
        note('cancel', await millrace.call('POST', `/api/v1/jobs/${first.job.id}/cancel`), 409);
        // Clients that never rest would only slow the restart down.
        await pause(200);
      }
    });
    for (let round = 0; round < 3; round += 1) {
      const before = answered;
      await waitFor('some answers', async () => answered >= before + 20);
      await backing.servers.stopPostgres();
      const asked = performance.now();
      const [ready, alive] = await Promise.all(
        ['/readyz', '/healthz'].map((path) => fetch(`${millrace.stack.apiUrl}${path}`)),
      );
      expect([ready?.status, alive?.status]).toEqual([503, 200]);
      // Readiness does not wait for the outage to end.
      expect(performance.now() - asked).toBeLessThan(60_000);
      await waitFor('every service to notice', async () => (await readiness()).every((status) => status === 503));
      await backing.servers.restartPostgres();
      await waitFor('every service to be ready', async () => (await readiness()).every((status) => status === 200));
    }
    stopping.abort();
    await Promise.all(load);

    expect(refused).toEqual([]);
    for (const jobId of jobIds) {
      const job: JobView = await millrace.endOf(jobId);
      expect(job).toMatchObject({ status: 'completed', failed_chunks: 0 });
    }
  }, 600_000);

  test('When PostgreSQL is away for longer than requests wait, then they are refused with DATABASE_UNAVAILABLE', async () => {
    const impatient = await millrace.stack.add('api', { DATABASE_MAX_OUTAGE_MS: '500' });
    await backing.servers.stopPostgres();
    try {
      const headers = { authorization: `Bearer ${millrace.stack.apiKey}` };
      const answer = await fetch(`${impatient.url}/api/v1/jobs/00000000-0000-7000-8000-000000000000`, { headers });
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ code: 'DATABASE_UNAVAILABLE', retryable: true });
    } finally {
      await backing.servers.restartPostgres();
      await impatient.stop();
    }
  });
});
