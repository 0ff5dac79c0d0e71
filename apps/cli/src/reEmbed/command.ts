import { parseArgs } from 'node:util';
import { configuredModels, loadMigrationConfig } from '@millrace/config';
import { type EmbeddingModel, isSameModel, MillraceError } from '@millrace/contracts';
import { checkSetup, Database, findReEmbeddingProgress, ReEmbedding, type Resources } from '@millrace/database';
import { parseMemory, parseNumber } from '../buildOptions';
import { untilInterrupted } from '../interrupted';
import { UsageError } from '../usageError';
import { completeReEmbedding } from './complete';
import { describeFailures, describeHolders, describeModel, describeProgress } from './describe';

export const reEmbedUsage = `  re-embed start [--memory SIZE] [--workers N]
                            changes all vectors to the model of NEXT_EMBEDDING_..., or goes on with that, and waits until
                            it is done; searches and uploads go on. Without NEXT_EMBEDDING_..., to the one of
                            EMBEDDING_...: then both wait. The options are for the index, as above
  re-embed status           how far it has come, and what has failed
  re-embed cancel           gives it up; the vectors in use stay`;

const actions = ['start', 'status', 'cancel'] as const;
type Action = (typeof actions)[number];

const leftAlone =
  'Broken off. What is under way goes on without this program; run "re-embed start" again to finish, or "re-embed cancel".';

/** `re-embed start | status | cancel` on the database, as its owner. */
export async function reEmbedCommand(args: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const { action, resources } = parse(args);
  const config = loadMigrationConfig(environment);
  const [current, next] = configuredModels(config);
  const database = new Database({
    url: config.DATABASE_MIGRATION_URL,
    caFile: config.DATABASE_CA_FILE,
    poolMax: 2,
    connectTimeoutMs: 10_000,
    applicationName: 'millrace-re-embed',
  });
  try {
    await checkSetup(database.sql);
    const address = { databaseUrl: config.DATABASE_MIGRATION_URL, caFile: config.DATABASE_CA_FILE };
    if (action === 'status') {
      await report(database);
    } else if (action === 'cancel') {
      const given = await new ReEmbedding(database, address, undefined, sayHeldUp).cancel();
      console.log(given === null ? 'Nothing is being changed.' : `Cancelled: the change to ${describeModel(given)}.`);
    } else {
      const wanted = next ?? (await configuredAnew(database, current));
      await untilInterrupted(async (signal) => {
        const reEmbedding = new ReEmbedding(database, address, signal, sayHeldUp);
        const begun = await reEmbedding.begin(wanted);
        console.error(`The change to ${describeModel(wanted)} ${begun === 'begun' ? 'has begun' : 'goes on'}.`);
        await completeReEmbedding({ database, reEmbedding, setup: wanted, resources, signal });
        console.log(`Done: all vectors are of ${describeModel(wanted)}.`);
      }, leftAlone);
    }
  } finally {
    await database.close();
  }
}

/**
 * The configured model where it is not the one in use, which nobody can make vectors of then.
 * @throws MillraceError SETUP_INVALID where it is
 */
async function configuredAnew(database: Database, current: EmbeddingModel): Promise<EmbeddingModel> {
  const { active } = await database.embeddingModels.find();
  if (isSameModel(active, current)) {
    throw new MillraceError(
      'SETUP_INVALID',
      'No next model is configured. Set NEXT_EMBEDDING_PROVIDER, NEXT_EMBEDDING_MODEL or NEXT_EMBEDDING_DIMENSIONS, for the services as well.',
    );
  }
  return current;
}

function sayHeldUp(holders: string[]): void {
  console.error(describeHolders(holders));
}

async function report(database: Database): Promise<void> {
  const { active, next } = await database.embeddingModels.find();
  console.log(`The vectors are of ${describeModel(active)}.`);
  if (next === null) {
    console.log('Nothing is being changed.');
    return;
  }
  const progress = await findReEmbeddingProgress(database.sql, next.reEmbeddingId);
  console.log(`They are being changed to ${describeModel(next)}: ${describeProgress(progress)}`);
  if (progress.failed > 0) {
    console.log(describeFailures(progress));
  }
}

function parse(args: string[]): { action: Action; resources: Resources } {
  const option = { type: 'string' } as const;
  let line: { positionals: string[]; values: { memory?: string; workers?: string } };
  try {
    line = parseArgs({ args, allowPositionals: true, options: { memory: option, workers: option } });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { positionals, values } = line;
  const action = actions.find((known) => known === positionals[0]);
  if (action === undefined || positionals.length > 1) {
    const given = positionals.join(' ');
    throw new UsageError(given === '' ? 're-embed needs an action.' : `re-embed ${given} is not understood.`);
  }
  const [misplaced] = Object.keys(values);
  if (action !== 'start' && misplaced !== undefined) {
    throw new UsageError(`--${misplaced} does not go with re-embed ${action}.`);
  }
  return { action, resources: { ...parseMemory(values.memory), ...parseNumber('workers', values.workers, 0, 64) } };
}
