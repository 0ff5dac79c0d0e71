import { configuredModels } from '@millrace/config';
import {
  type BuildOptions,
  checkSetup,
  type Database,
  findVectorIndexes,
  VectorIndexBuilder,
  type VectorIndexKind,
  vectorIndexKinds,
} from '@millrace/database';
import { Argument, type Command } from 'commander';
import type { Cli } from '../cli';
import { withOwnerConnection } from '../database/owner';
import { failUsage } from '../errors';
import { addResourceOptions, wholeNumber } from '../options';
import { describeIndex, describeReport } from '../vectorIndex/describe';
import { showProgress } from '../vectorIndex/progress';

const whenInterrupted = 'Interrupted. The next build removes the unfinished index.';

/** Adds `index report | build | rebuild | drop`. */
export function addIndex(program: Command, { context }: Cli): void {
  const withBuilder = (work: (builder: VectorIndexBuilder, database: Database) => Promise<void>) =>
    withOwnerConnection(context, { name: 'index', whenInterrupted }, async ({ database, owner, signal }) => {
      await checkSetup(database.sql, ...configuredModels(owner.config));
      await work(new VectorIndexBuilder(database, { databaseUrl: owner.databaseUrl }, signal), database);
    });

  const index = program.command('index').description('manages the vector index; docs/database/vector-index.md');

  index
    .command('report')
    .description('shows the kind and size of the index, the rows, and the progress of a build')
    .action(() =>
      withBuilder(async (builder, database) => {
        const { rows } = await database.sql.one<{ rows: number }>(
          'SELECT count(*)::float8 AS rows FROM document_chunks',
        );
        const indexes = await findVectorIndexes(database.sql);
        console.log(describeReport({ rows, indexes, progress: await builder.progress() }));
      }),
    );

  const build = index
    .command('build')
    .description('builds a vector index while searches and uploads go on, then drops the one before')
    .addArgument(new Argument('<kind>', 'the kind of the index').choices([...vectorIndexKinds, 'none']))
    .option('--m <n>', 'links of each vector, for the HNSW kinds (12 by default)', wholeNumber(2, 100))
    .option('--ef-construction <n>', 'for the HNSW kinds (64 by default)', wholeNumber(4, 1_000))
    .option('--lists <n>', 'for the IVFFlat kinds (by default chosen by the number of rows)', wholeNumber(1, 32_768));
  addResourceOptions(build).action(async (kind: VectorIndexKind | 'none', options: BuildOptions) => {
    const misfit = Object.keys(options).find((name) => !fits(name, kind));
    if (misfit !== undefined) {
      const flag = build.options.find((option) => option.attributeName() === misfit)?.long;
      failUsage(build, `${flag} does not go with index build ${kind}.`);
    }
    await withBuilder((builder) =>
      kind === 'none' ? drop(builder) : reportBuild(builder, () => builder.build(kind, options)),
    );
  });

  addResourceOptions(index.command('rebuild'))
    .description('builds the same index again, for example after many deletes')
    .action((options: BuildOptions) => withBuilder((builder) => reportBuild(builder, () => builder.rebuild(options))));

  index
    .command('drop')
    .description('drops the index; searches then compare every vector')
    .action(() => withBuilder(drop));
}

async function drop(builder: VectorIndexBuilder): Promise<void> {
  const dropped = await builder.drop();
  console.log(
    dropped.length === 0 ? 'There was no vector index.' : `Dropped: ${dropped.map(describeIndex).join('; ')}`,
  );
}

async function reportBuild(
  builder: VectorIndexBuilder,
  build: () => ReturnType<VectorIndexBuilder['build']>,
): Promise<void> {
  const start = Date.now();
  const index = await showProgress(build(), () => builder.progress());
  console.log(`Built in ${((Date.now() - start) / 1000).toFixed(1)} s: ${describeIndex(index)}`);
}

/** True when an option has a meaning for a kind of index. */
function fits(option: string, kind: string): boolean {
  switch (option) {
    case 'lists':
      return kind.startsWith('ivfflat');
    case 'm':
    case 'efConstruction':
      return kind.startsWith('hnsw');
    default:
      return kind !== 'none';
  }
}
