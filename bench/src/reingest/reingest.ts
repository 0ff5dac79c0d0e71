import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RunningStack } from '@millrace/stack';
import { type OpenAiServer, startOpenAiServer } from '@millrace/test-support';
import { Client } from 'pg';
import { type Environment, root, withBenchStack } from '../benchStack';
import { withCleanUp } from '../cleanUp';
import { ingestAll, type Run } from '../ingestAll';
import { pdfsIn } from '../pdfsIn';
import type { BenchmarkResult } from '../report';
import { onePageEdited, otherBytes } from './variants';

/** What one pass over the files cost at the provider. */
interface Cost {
  run: Run;
  requests: number;
  texts: number;
}

/**
 * What is paid for again when documents come again: as they were, with the same text in other bytes (a new document
 * for Millrace), and with one line more on one page. The provider is a local server that counts what it is asked.
 */
export async function reingest(environment: Environment, folder: string, quick: boolean): Promise<BenchmarkResult> {
  const files = pdfsIn(resolve(root, folder)).slice(0, quick ? 2 : undefined);
  const provider = await startOpenAiServer();
  const copies = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const variables = {
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_MODEL: 'counted',
    OPENAI_BASE_URL: provider.baseUrl,
    OPENAI_API_KEY: 'local',
  };
  return withCleanUp(
    () =>
      withBenchStack(environment, { variables }, async ({ stack, databaseUrl }) => {
        const first = await costOf(provider, stack, files);
        const again = await costOf(provider, stack, files);
        const sameText = await costOf(
          provider,
          stack,
          await Promise.all(files.map((file) => otherBytes(file, copies))),
        );
        const edits = await Promise.all(files.map((file) => onePageEdited(file, copies)));
        const edited = await costOf(
          provider,
          stack,
          edits.map((edit) => edit.path),
        );
        const touched = await chunksOn(
          databaseUrl,
          edited.run.documentIds,
          edits.map((edit) => edit.page),
        );
        return describe({ first, again, sameText, edited, touched });
      }),
    async () => {
      await provider.close();
      await rm(copies, { recursive: true, force: true });
    },
  );
}

async function costOf(provider: OpenAiServer, stack: RunningStack, files: readonly string[]): Promise<Cost> {
  const before = provider.requests.length;
  const run = await ingestAll(stack, files);
  const requests = provider.requests.slice(before);
  return { run, requests: requests.length, texts: requests.reduce((sum, { input }) => sum + input.length, 0) };
}

/** How many chunks of each document hold text of the page named for it. */
async function chunksOn(
  databaseUrl: string,
  documentIds: readonly string[],
  pages: readonly number[],
): Promise<number> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::integer AS count FROM document_chunks c
       JOIN unnest($1::uuid[], $2::integer[]) AS edit (document_id, page) USING (document_id)
       WHERE edit.page BETWEEN c.page_start AND c.page_end`,
      [documentIds, pages],
    );
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}

function describe(costs: { first: Cost; again: Cost; sameText: Cost; edited: Cost; touched: number }): BenchmarkResult {
  const { first, again, sameText, edited, touched } = costs;
  const row = (what: string, { run, requests, texts }: Cost): [string, string] => [
    what,
    `${texts} of ${run.chunks} chunks embedded, in ${requests} calls`,
  ];
  return {
    table: [
      ['documents', String(first.run.documentIds.length)],
      row('the first time', first),
      row('the same files', again),
      row('the same text in other bytes', sameText),
      row('a line more on one page of each', edited),
      ['chunks with text of those pages', String(touched)],
    ],
    figures: {
      provider_calls_unchanged: again.requests + sameText.requests,
      share_reembedded_one_page: edited.texts / edited.run.chunks,
      share_touching_one_page: touched / edited.run.chunks,
    },
  };
}
