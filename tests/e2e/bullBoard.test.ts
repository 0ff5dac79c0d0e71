import type { JobChunkDetail, JobView, RetryResponse } from '@millrace/contracts';
import { textPdf, waitFor } from '@millrace/test-support';
import { book, OperatorStack } from './operatorStack';

let stack: OperatorStack;
beforeAll(async () => {
  stack = await OperatorStack.start();
});
beforeEach(() => stack.beginTest());
afterAll(() => stack.stop());

/** Expects that every chunk of the job is stored once, and that its text was paid for once. */
async function expectOnceEach(job: JobView): Promise<void> {
  expect(job).toMatchObject({ status: 'completed', failed_chunks: 0, processed_chunks: job.total_chunks });
  const stored = await stack.storedOf(job.document_id);
  expect(stored.map((chunk) => chunk.chunk_index)).toEqual(Array.from({ length: job.total_chunks ?? -1 }, (_, i) => i));
  const texts = new Set(stored.map((chunk) => chunk.text));
  expect(stack.provider.paid.filter((text) => texts.has(text)).sort()).toEqual([...texts].sort());
}

describe("Bull Board's buttons on the chunks queue", () => {
  let cookies: Map<string, string>;
  beforeAll(async () => {
    const answer = await fetch(`${stack.millrace.stack.apiUrl}/admin/sign-in`, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams({ key: stack.millrace.stack.apiKey, next: '/admin/queues' }),
      redirect: 'manual',
    });
    const pairs = answer.headers.getSetCookie().map((cookie) => /^([^=]+)=([^;]*)/.exec(cookie) ?? []);
    cookies = new Map(pairs.map(([, name = '', value = '']) => [name, value]));
  });

  /** Sends what a browser sends for a button. @returns the status code. */
  async function press(path: string): Promise<number> {
    const response = await fetch(`${stack.millrace.stack.apiUrl}/admin/queues/api/queues/chunks/${path}`, {
      method: 'PUT',
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'x-xsrf-token': cookies.get('XSRF-TOKEN') ?? '',
        'content-type': 'application/json',
        'sec-fetch-site': 'same-origin',
      },
      body: JSON.stringify({ force: true }),
    });
    return response.status;
  }

  /** Uploads while the provider hangs, and waits until some deliveries are in hand and the others wait. */
  async function uploadAndHang(title: string) {
    const held = stack.provider.holdAnswers();
    const first = stack.provider.server.requests.length;
    const { body } = await stack.millrace.upload(await book(title, 8));
    await waitFor('the provider to hang', async () => stack.provider.server.requests.length > first);
    const waiting = await waitFor('deliveries to wait', async () => {
      const jobs = await stack.queues.chunks.getPrioritized();
      return jobs.length > 0 && jobs.map((job) => job.id ?? '');
    });
    return { job: body.job, waiting, release: held.release };
  }

  /** Uploads a document whose only chunk fails with a transient fault, and waits until its retry is delayed. */
  async function uploadAndDelay(text: string) {
    stack.provider.refuseOneText(500);
    const { body } = await stack.millrace.upload(await textPdf([text]));
    const delayed = await redelivered(body.job.id);
    stack.provider.mend();
    return { job: body.job, delayed };
  }

  /** Waits for the delayed delivery of the job's failed chunk. It must not be the one that was lost. */
  const redelivered = (jobId: string, lost?: string) =>
    waitFor('a delayed delivery', async () => {
      const waiting = (await stack.chunksOf(jobId)).chunks.find((chunk) => chunk.status === 'retry_scheduled');
      const id = waiting?.queue_job_id;
      return id !== undefined && id !== lost && (await stack.queues.chunks.getJobState(id)) === 'delayed' && id;
    });

  test('When waiting deliveries are removed, then they are made again and every chunk is stored once', async () => {
    const { job, waiting, release } = await uploadAndHang('The torn tickets');
    expect(new Set(await Promise.all(waiting.map((id) => press(`${id}/clean`))))).toEqual(new Set([204]));
    release();
    await expectOnceEach(await stack.millrace.endOf(job.id));
  });

  test('When the queue is emptied, then every chunk is stored once', async () => {
    const { job, release } = await uploadAndHang('The emptied drawer');
    expect(await press('empty')).toBe(200);
    release();
    await expectOnceEach(await stack.millrace.endOf(job.id));
  });

  test('When waiting deliveries are cleaned, then every chunk is stored once', async () => {
    const { job, waiting, release } = await uploadAndHang('The swept desk');
    // The button keeps deliveries that are younger than five seconds.
    await waitFor('the deliveries to be cleaned', async () => {
      expect(await press('clean/prioritized')).toBe(200);
      const left = new Set((await stack.queues.chunks.getPrioritized()).map((delivery) => delivery.id ?? ''));
      return !waiting.some((id) => left.has(id));
    });
    release();
    await expectOnceEach(await stack.millrace.endOf(job.id));
  });

  test('When the queue is obliterated with deliveries in hand, then every chunk is stored once', async () => {
    const { job, release } = await uploadAndHang('The burnt archive');
    expect(await press('pause')).toBe(200);
    expect(await press('obliterate')).toBe(200);
    release();
    await expectOnceEach(await stack.millrace.endOf(job.id));
  });

  test('When a delayed retry is promoted, then it runs at once, and once', async () => {
    const { job, delayed } = await uploadAndDelay('The hurried courier');
    expect(await press(`${delayed}/promote`)).toBe(204);
    await expectOnceEach(await stack.millrace.endOf(job.id));
    expect(await stack.millrace.job(job.id)).toMatchObject({ retry_count: 1 });
  });

  test('When a delayed retry is removed or cleaned, then it is delivered again for the same time', async () => {
    const { job, delayed } = await uploadAndDelay('The lost courier');
    expect(await press(`${delayed}/clean`)).toBe(204);
    const second = await redelivered(job.id, delayed);
    await waitFor('the delivery to be cleaned', async () => {
      expect(await press('clean/delayed')).toBe(200);
      return !(await stack.queues.chunks.getJob(second)) && true;
    });
    await redelivered(job.id, second);
    expect(await press('promote')).toBe(200);
    await expectOnceEach(await stack.millrace.endOf(job.id));
    expect(await stack.millrace.job(job.id)).toMatchObject({ retry_count: 1 });
  });

  test('When failed deliveries are retried on the board, then settled chunks do not change', async () => {
    stack.provider.refuseOneText(400);
    const { job } = await stack.millrace.ingest(await book('The stubborn stain'));
    stack.provider.mend();
    const before = await stack.chunksOf(job.id);
    const failed = before.chunks.find((chunk) => chunk.status === 'failed');
    const delivery = failed?.queue_job_id ?? '';
    const failedAgain = async (times: number) =>
      waitFor('the delivery to fail', async () => {
        const found = await stack.queues.chunks.getJob(delivery);
        return (await found?.getState()) === 'failed' && (found?.attemptsStarted ?? 0) >= times;
      });
    await failedAgain(1);
    stack.provider.paid = [];
    expect(await press(`${delivery}/retry`)).toBe(204);
    await failedAgain(2);
    expect(await press('retry/failed')).toBe(200);
    await failedAgain(3);
    expect(await stack.chunksOf(job.id)).toEqual(before);
    expect(stack.provider.paid).toEqual([]);

    // A chunk that waits for a retry is tried once, by the first delivery that comes.
    const retry = await stack.millrace.call<RetryResponse>('POST', `/api/v1/jobs/${job.id}/chunks/retry`);
    await press('retry/failed');
    expect(await stack.endOfRetry(retry.body.group_id)).toMatchObject({ summary: { success: 1 } });
    expect(stack.provider.paid).toHaveLength(1);
    expect(await stack.millrace.job(job.id)).toMatchObject({ status: 'completed', failed_chunks: 0 });
    const { body } = await stack.millrace.call<JobChunkDetail>('GET', `/api/v1/jobs/${job.id}/chunks/${failed?.id}`);
    expect(body.attempts).toBe(2);
  });
});
