import { parseArgs } from 'node:util';
import { configuredModels, loadMigrationConfig } from '@millrace/config';
import {
  type BuildOptions,
  checkSetup,
  Database,
  findVectorIndexes,
  type VectorIndex,
  VectorIndexBuilder,
  type VectorIndexKind,
  vectorIndexKinds,
} from '@millrace/database';
import { parseMemory, parseNumber } from '../buildOptions';
import { untilInterrupted } from '../interrupted';
import { UsageError } from '../usageError';
import { describeIndex, describeReport } from './describe';
import { showProgress } from './progress';

export const indexUsage = `  index report              the vector index: kind, size, rows, and how far a build has come
  index build KIND [options]
                            builds a vector index, with searches and uploads going on, and drops the one before:
                            ${vectorIndexKinds.join(', ')}, or none
      --m N, --ef-construction N     for the HNSW kinds (12 and 64 when left out)
      --lists N                      for the IVFFlat kinds (by the number of rows when left out)
      --memory SIZE                  for the build, such as 4GB (maintenance_work_mem)
      --workers N                    processes that build, beside the first
  index rebuild [--memory SIZE] [--workers N]
                            builds the same index anew
  index drop                drops it: searches then compare every vector`;

const brokenOff = 'Broken off. What is left of an index is removed by the next build.';

interface Options extends BuildOptions {
  action: string;
  kind: string | undefined;
}

/** `index report | build KIND | rebuild | drop` on the database, as its owner. */
export async function indexCommand(args: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const options = parse(args);
  const config = loadMigrationConfig(environment);
  const database = new Database({
    url: config.DATABASE_MIGRATION_URL,
    caFile: config.DATABASE_CA_FILE,
    poolMax: 2,
    connectTimeoutMs: 10_000,
    applicationName: 'millrace-index',
  });
  try {
    await checkSetup(database.sql, ...configuredModels(config));
    const address = { databaseUrl: config.DATABASE_MIGRATION_URL, caFile: config.DATABASE_CA_FILE };
    const perform = (signal?: AbortSignal) => run(options, database, new VectorIndexBuilder(database, address, signal));
    // A report leaves nothing going on when the program ends.
    await (options.action === 'report' ? perform() : untilInterrupted(perform, brokenOff));
  } finally {
    await database.close();
  }
}

async function run({ action, kind, ...options }: Options, database: Database, builder: VectorIndexBuilder) {
  if (action === 'report') {
    const { rows } = await database.sql.one<{ rows: number }>('SELECT count(*)::float8 AS rows FROM document_chunks');
    const indexes = await findVectorIndexes(database.sql);
    console.log(describeReport({ rows, indexes, progress: await builder.progress() }));
  } else if (action === 'drop' || kind === 'none') {
    const dropped = await builder.drop();
    console.log(
      dropped.length === 0 ? 'There was no vector index.' : `Dropped: ${dropped.map(describeIndex).join('; ')}`,
    );
  } else {
    const work = action === 'rebuild' ? builder.rebuild(options) : builder.build(kind as VectorIndexKind, options);
    const start = Date.now();
    const index: VectorIndex = await showProgress(work, () => builder.progress());
    console.log(`Built in ${((Date.now() - start) / 1000).toFixed(1)} s: ${describeIndex(index)}`);
  }
}

/** Which options each action takes. */
const taken: Record<string, readonly string[]> = {
  report: [],
  build: ['m', 'ef-construction', 'lists', 'memory', 'workers'],
  rebuild: ['memory', 'workers'],
  drop: [],
};

function parse(args: string[]): Options {
  const { positionals, values } = parseLine(args);
  const [action = '', kind, ...rest] = positionals;
  const allowed = Object.hasOwn(taken, action) ? taken[action] : undefined;
  if (allowed === undefined || rest.length > 0 || (action !== 'build' && kind !== undefined)) {
    throw new UsageError(
      action === '' ? 'index needs an action.' : `index ${positionals.join(' ')} is not understood.`,
    );
  }
  if (action === 'build' && kind !== 'none' && !vectorIndexKinds.some((known) => known === kind)) {
    throw new UsageError(`index build needs a kind: ${vectorIndexKinds.join(', ')}, or none.`);
  }
  const misplaced = Object.keys(values).find((name) => !allowed.includes(name) || !fits(name, kind));
  if (misplaced !== undefined) {
    throw new UsageError(`--${misplaced} does not go with index ${positionals.join(' ')}.`);
  }
  return {
    action,
    kind,
    ...parseNumber('m', values.m, 2, 100),
    ...parseNumber('efConstruction', values['ef-construction'], 4, 1_000),
    ...parseNumber('lists', values.lists, 1, 32_768),
    ...parseNumber('workers', values.workers, 0, 64),
    ...parseMemory(values.memory),
  };
}

function parseLine(args: string[]) {
  const option = { type: 'string' } as const;
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { m: option, 'ef-construction': option, lists: option, memory: option, workers: option },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function fits(name: string, kind: string | undefined): boolean {
  switch (name) {
    case 'lists':
      return kind?.startsWith('ivfflat') ?? false;
    case 'm':
    case 'ef-construction':
      return kind?.startsWith('hnsw') ?? false;
    default:
      return kind !== 'none';
  }
}
