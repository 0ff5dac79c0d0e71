import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { SearchRequest } from '@millrace/contracts';
import { ApiClient } from '../client/apiClient';
import { ingest } from '../client/ingest';
import { makeSnippet } from '../client/snippet';
import { type StackContext, StackError } from '../context';
import { untilAborted, withInterrupt } from '../processes/interrupt';
import { messageOf } from '../processes/wait';
import { sampleFiles } from '../samples/files';
import { describeAccess, startLocalStack } from '../services/localStack';
import { findRunningStack } from '../services/runningStack';
import { UsageError } from './usage';

const sampleQuery = 'How much revenue did the company make in the third quarter?';
const ownQuery = 'total revenue by quarter';
const hitCount = 5;

interface DemoArguments {
  files: string[];
  query: string;
}

/** Says what is wrong with a path; undefined when it is a file that can be read. */
function findFault(file: string): string | undefined {
  if (!existsSync(file)) {
    return 'there is no such file';
  }
  if (!statSync(file).isFile()) {
    return 'this is not a file';
  }
  try {
    accessSync(file, constants.R_OK);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Understands the command line and checks every path, before anything is started. */
function parseDemo(context: StackContext, args: readonly string[]): DemoArguments {
  let parsed: { values: { query?: string }; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options: { query: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  const { values, positionals } = parsed;
  // npm runs scripts in the checkout; INIT_CWD is where the user typed the command.
  const from = context.environment.INIT_CWD || process.cwd();
  const files = positionals.length > 0 ? positionals.map((file) => resolve(from, file)) : sampleFiles(context.root);
  const faults = files.flatMap((file) => {
    const fault = findFault(file);
    return fault === undefined ? [] : [`  ${file}: ${fault}`];
  });
  if (faults.length > 0) {
    throw new StackError(`These cannot be uploaded:\n${faults.join('\n')}`);
  }
  const query = values.query ?? (positionals.length > 0 ? ownQuery : sampleQuery);
  return { files: [...new Set(files)], query };
}

async function printSearch(context: StackContext, client: ApiClient, search: SearchRequest, signal: AbortSignal) {
  const { query } = search;
  const { hits } = await client.search(search, signal);
  context.say(`\nSearch: "${query}"`);
  if (hits.length === 0) {
    context.say('  Nothing was found.');
  }
  for (const [index, hit] of hits.entries()) {
    const pages =
      hit.page_start === hit.page_end ? `page ${hit.page_start}` : `pages ${hit.page_start}-${hit.page_end}`;
    const section = hit.section === null ? '' : `, "${hit.section}"`;
    const label = hit.document_status === 'ready' ? '' : ` (${hit.document_status})`;
    context.say(`  ${index + 1}. ${hit.filename}${label}, ${pages}${section}, score ${hit.score.toFixed(3)}`);
    context.say(`     ${makeSnippet(hit.text, query)}`);
  }
}

/** `demo [--query TEXT] [FILE...]`: from PDFs to search hits. Exit code 1 when a document failed. */
export async function demoCommand(context: StackContext, args: readonly string[]): Promise<number> {
  const { files, query } = parseDemo(context, args);
  return withInterrupt(context.say, async (signal) => {
    const running = await findRunningStack(context);
    if (running) {
      context.say('Using the stack that is running in this checkout.');
    }
    const own = running ? undefined : await startLocalStack(context, signal);
    const { apiUrl, apiKey } = running ?? own ?? { apiUrl: '', apiKey: '' };
    try {
      const client = new ApiClient(apiUrl, apiKey);
      context.say(`\nUploading ${files.length} ${files.length === 1 ? 'document' : 'documents'} to ${apiUrl} ...`);
      const isTerminal = process.stdout.isTTY === true;
      const summary = await untilAborted(ingest(client, files, { signal, isTerminal, say: context.say }), signal);
      context.say(
        `${summary.uploaded} uploaded, ${summary.duplicates} already there, ${summary.failed} not completely searchable.`,
      );
      // Somebody who gives one file asks that file; several, or the samples, are asked together with all there is.
      const [only, ...others] = summary.documentIds;
      const scope = only !== undefined && others.length === 0 ? { document_id: only } : {};
      await printSearch(context, client, { query, limit: hitCount, ...scope }, signal);
      const when = running ? 'These are open now:' : 'While it runs (npm start keeps it running) these are open:';
      context.say(`\n${when}\n${describeAccess(context, apiUrl)}`);
      return summary.failed > 0 ? 1 : 0;
    } finally {
      if (own) {
        context.say('\nStopping what the demo started; the data stays ...');
        await own.stop();
      }
    }
  });
}
