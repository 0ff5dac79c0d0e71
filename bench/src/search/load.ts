import { Agent, request } from 'node:http';
import { Client } from 'pg';
import { byClients } from '../clients';
import type { LoadResult, LoadTask } from './loadProcess';

/** The load program. See withLoadProcess. */
process.on('message', (task: LoadTask) => {
  run(task).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: error.stack ?? error.message }),
  );
});

function run(task: LoadTask): Promise<LoadResult> {
  return task.kind === 'http' ? runHttp(task) : runSql(task);
}

async function runHttp({ url, apiKey, bodies, clients, seconds }: LoadTask & { kind: 'http' }): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const answers: string[] = [];
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const ask = (body: string) =>
    new Promise<string>((resolve, reject) => {
      const sent = request(url, { method: 'POST', agent, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.once('error', reject);
        response.once('end', () => {
          const answer = Buffer.concat(parts).toString();
          return response.statusCode === 200
            ? resolve(answer)
            : reject(new Error(`A search was answered with ${response.statusCode}: ${answer.slice(0, 300)}`));
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });
  try {
    const tasks = bodies.map((body, index) => async () => {
      answers[index] = await ask(body);
    });
    const measured = await measure(clients, seconds, tasks);
    const hits = answers.map((answer) => (JSON.parse(answer) as { hits: { score: number }[] }).hits);
    return { ...measured, similarities: hits.map((found) => found.map((hit) => hit.score)) };
  } finally {
    agent.destroy();
  }
}

async function runSql(task: LoadTask & { kind: 'sql' }): Promise<LoadResult> {
  const { databaseUrl, statements, clients, seconds } = task;
  const free = Array.from({ length: clients }, () => new Client({ connectionString: databaseUrl }));
  const all = [...free];
  const similarities: number[][] = [];
  try {
    for (const client of all) {
      await client.connect();
    }
    const tasks = statements.map((ofOneSearch, index) => async () => {
      const client = free.pop() as Client;
      for (const statement of ofOneSearch) {
        // Each statement of a message has a result. The search is the last.
        const results = [await client.query<{ score: number }>(statement)].flat();
        similarities[index] = results.at(-1)?.rows.map((row) => row.score) ?? [];
      }
      free.push(client);
    });
    return { ...(await measure(clients, seconds, tasks)), similarities };
  } finally {
    await Promise.all(all.map((client) => client.end()));
  }
}

async function measure(
  clients: number,
  seconds: number,
  tasks: readonly (() => Promise<void>)[],
): Promise<Pick<LoadResult, 'times' | 'perSecond'>> {
  const startedAt = performance.now();
  const times = await byClients(clients, tasks, startedAt + seconds * 1000);
  return { times, perSecond: times.length / ((performance.now() - startedAt) / 1000) };
}
