import { accessSync, constants, existsSync, statSync } from 'node:fs';
import type { SearchResponse } from '@millrace/contracts';
import { messageOf, type StackContext, StackError } from '@millrace/stack';
import type { Command } from 'commander';
import { type Cli, userPath } from '../cli';
import { exitCodes } from '../errors';
import { ingest } from '../ingest/ingest';
import { sampleFiles } from '../ingest/samples';
import { makeSnippet } from '../ingest/snippet';
import { type Api, withApi } from '../ingest/withApi';
import { describeAccess } from './access';

const sampleQuery = 'How much revenue did the company make in the third quarter?';
const ownQuery = 'total revenue by quarter';
const hitCount = 5;

/** Adds `demo [FILE...]`. The exit code is 1 when a document failed. */
export function addDemo(program: Command, cli: Cli): void {
  const { context } = cli;
  program
    .command('demo')
    .description('starts everything, uploads documents, searches them, and stops what it started; the data stays')
    .argument('[files...]', 'the documents (by default those in samples/)')
    .option('--query <text>', 'what to search for')
    .action(async (paths: string[], { query }: { query?: string }) => {
      const files = paths.length > 0 ? paths.map((path) => userPath(context, path)) : sampleFiles(context.root);
      refuseUnreadable(files);
      const question = query ?? (paths.length > 0 ? ownQuery : sampleQuery);
      await withApi(context, async (api) => {
        const failed = await showDemo(context, api, [...new Set(files)], question);
        cli.exitCode = failed > 0 ? exitCodes.failure : exitCodes.success;
      });
    });
}

/** @throws StackError that names every path that is not a readable file */
function refuseUnreadable(files: readonly string[]): void {
  const faults = files.flatMap((file) => {
    const fault = findFault(file);
    return fault === undefined ? [] : [`  ${file}: ${fault}`];
  });
  if (faults.length > 0) {
    throw new StackError(`These cannot be uploaded:\n${faults.join('\n')}`);
  }
}

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

/** @returns how many documents are not completely searchable */
async function showDemo(context: StackContext, api: Api, files: string[], query: string): Promise<number> {
  const { client, url, wasRunning, signal } = api;
  context.print(`\nUploading ${files.length} ${files.length === 1 ? 'document' : 'documents'} to ${url} ...`);
  const { uploaded, duplicates, failed, documentIds } = await ingest(context, client, files, signal);
  context.print(`${uploaded} uploaded, ${duplicates} already in the collection, ${failed} not completely searchable.`);
  // With one file, only that document is searched. With several files or the samples, all documents are searched.
  const [first, ...others] = documentIds;
  const filter = first !== undefined && others.length === 0 ? { document_id: first } : {};
  const { hits } = await client.search({ query, limit: hitCount, ...filter }, signal);
  context.print(`\nSearch: "${query}"`);
  context.print(
    hits.length === 0 ? '  Nothing was found.' : hits.map((hit, i) => describeHit(hit, i, query)).join('\n'),
  );
  const when = wasRunning ? 'These are open now:' : 'While it runs (npm start keeps it running) these are open:';
  context.print(`\n${when}\n${describeAccess(context, url)}`);
  return failed;
}

function describeHit(hit: SearchResponse['hits'][number], index: number, query: string): string {
  const pages = hit.page_start === hit.page_end ? `page ${hit.page_start}` : `pages ${hit.page_start}-${hit.page_end}`;
  const section = hit.section === null ? '' : `, "${hit.section}"`;
  const status = hit.document_status === 'ready' ? '' : ` (${hit.document_status})`;
  return (
    `  ${index + 1}. ${hit.filename}${status}, ${pages}${section}, score ${hit.score.toFixed(3)}\n` +
    `     ${makeSnippet(hit.text, query)}`
  );
}
