import { userInfo } from 'node:os';
import { configuredModels } from '@millrace/config';
import { describeModel, type EmbeddingModel, isSameModel, MillraceError } from '@millrace/contracts';
import { checkSetup, type Database, findReEmbeddingProgress, ReEmbedding, type Resources } from '@millrace/database';
import type { Command } from 'commander';
import type { Cli } from '../cli';
import { type OwnerAccess, withOwnerConnection } from '../database/owner';
import { addResourceOptions } from '../options';
import { completeReEmbedding } from '../reEmbedding/complete';
import { describeBlockers, describeFailures, describeProgress } from '../reEmbedding/describe';

const whenInterrupted =
  'Interrupted. The services go on without this program; run "re-embed start" again to finish, or "re-embed cancel".';

/** Adds `re-embed start | status | cancel`. */
export function addReEmbed(program: Command, { context }: Cli): void {
  const withDatabase = (
    work: (access: { database: Database; owner: OwnerAccess; signal: AbortSignal }) => Promise<void>,
  ) =>
    withOwnerConnection(context, { name: 're-embed', whenInterrupted }, async (access) => {
      await checkSetup(access.database.sql);
      await work(access);
    });

  const reEmbed = program
    .command('re-embed')
    .description('replaces all vectors with those of another model; docs/database/re-embedding.md');

  addResourceOptions(reEmbed.command('start'))
    .description('makes all vectors with the next model, and waits until it is done')
    .addHelpText(
      'after',
      '\nNEXT_EMBEDDING_... names the next model. Searches and uploads go on. When it is not set, EMBEDDING_... names the\n' +
        'next model, and searches and uploads wait. An interrupted re-embedding is continued.',
    )
    .action((resources: Resources) =>
      withDatabase(async ({ database, owner, signal }) => {
        const [current, next] = configuredModels(owner.config);
        const setup = next ?? (await requireNewModel(database, current));
        const reEmbedding = new ReEmbedding(database, { databaseUrl: owner.databaseUrl }, signal, sayBlocked);
        const begun = await reEmbedding.begin(setup);
        console.error(`The change to ${describeModel(setup)} ${begun === 'begun' ? 'has begun' : 'goes on'}.`);
        await completeReEmbedding({ database, reEmbedding, setup, resources, signal });
        console.log(`Done: all vectors are of ${describeModel(setup)}.`);
      }),
    );

  reEmbed
    .command('status')
    .description('shows the progress and what has failed')
    .action(() => withDatabase(({ database }) => report(database)));

  reEmbed
    .command('cancel')
    .description('ends the re-embedding; the current vectors stay')
    .action(() =>
      withDatabase(async ({ database, owner }) => {
        const cancelled = await new ReEmbedding(
          database,
          { databaseUrl: owner.databaseUrl },
          undefined,
          sayBlocked,
        ).cancel({ kind: 'cli', id: userInfo().username });
        console.log(
          cancelled === null ? 'No re-embedding is running.' : `Cancelled: the change to ${describeModel(cancelled)}.`,
        );
      }),
    );
}

/**
 * Returns the configured model when it is not the current one. Nothing can make vectors of the current one then.
 * @throws MillraceError SETUP_INVALID when it is the current one
 */
async function requireNewModel(database: Database, configured: EmbeddingModel): Promise<EmbeddingModel> {
  const { active } = await database.embeddingModels.find();
  if (isSameModel(active, configured)) {
    throw new MillraceError(
      'SETUP_INVALID',
      'No next model is configured. Set NEXT_EMBEDDING_PROVIDER, NEXT_EMBEDDING_MODEL, NEXT_EMBEDDING_DIMENSIONS or another NEXT_EMBEDDING variable, for the services as well.',
    );
  }
  return configured;
}

function sayBlocked(blockers: string[]): void {
  console.error(describeBlockers(blockers));
}

async function report(database: Database): Promise<void> {
  const { active, next } = await database.embeddingModels.find();
  console.log(`The vectors are of ${describeModel(active)}.`);
  if (next === null) {
    console.log('No re-embedding is running.');
    return;
  }
  const progress = await findReEmbeddingProgress(database.sql, next.reEmbeddingId);
  console.log(`They are being changed to ${describeModel(next)}: ${describeProgress(progress)}`);
  if (progress.failed > 0) {
    console.log(describeFailures(progress));
  }
}
