import type { JobChunksResponse, JobView } from '@millrace/contracts';
import type { RunningStack } from '@millrace/stack';
import { byClients } from '../clients';
import type { BenchmarkResult } from '../report';
import { p50p99, p50p99Figures } from '../statistics';
import { call } from './api';

const requests = 500;
const clients = 4;

/**
 * How soon a client learns how a job of 100,000 chunks stands, with four clients asking without a pause.
 * @param state what the table is like meanwhile, for the titles and the figures' names
 */
export async function statusEndpoint(
  stack: RunningStack,
  jobId: string,
  state: { title: string; name: string },
): Promise<BenchmarkResult> {
  const result: BenchmarkResult = { table: [], figures: {} };
  const ask = async (title: string, name: string, request: () => Promise<unknown>) => {
    await byClients(clients, Array<typeof request>(20).fill(request));
    const times = await byClients(clients, Array<typeof request>(requests).fill(request));
    result.table.push([`${state.title}: ${title}, p50 / p99`, p50p99(times)]);
    Object.assign(result.figures, p50p99Figures(`${state.name}_${name}`, times));
  };
  const chunks = (filter: string) => () => call<JobChunksResponse>(stack, 'GET', `/jobs/${jobId}/chunks${filter}`);
  await ask('GET job', 'get_job', () => call<JobView>(stack, 'GET', `/jobs/${jobId}`));
  await ask('GET its chunks, first page and summary', 'get_chunks', chunks(''));
  await ask(
    'GET its chunks, failed with a common code',
    'get_failed_chunks',
    chunks('?status=failed&error_code=EMBEDDING_TIMEOUT'),
  );
  await ask(
    'GET its chunks, failed with a rare code',
    'get_rarely_failed_chunks',
    chunks('?status=failed&error_code=EMBEDDING_REJECTED'),
  );
  return result;
}
