import type { Command } from 'commander';
import type { Cli } from '../cli';
import { exitCodes } from '../errors';
import { ingest } from '../ingest/ingest';
import { sampleFiles } from '../ingest/samples';
import { withApi } from '../ingest/withApi';

/** Adds `db seed`. The exit code is 1 when a document is not complete. */
export function addSeed(db: Command, cli: Cli): void {
  const { context } = cli;
  db.command('seed')
    .description('ingests the documents in samples/ that are not there yet')
    .action(() =>
      withApi(context, async ({ client, signal }) => {
        const { uploaded, duplicates, failed } = await ingest(context, client, sampleFiles(context.root), signal);
        context.print(`Seeded: ${uploaded} documents new, ${duplicates} already in the collection.`);
        if (failed > 0) {
          cli.exitCode = exitCodes.failure;
        }
      }),
    );
}
