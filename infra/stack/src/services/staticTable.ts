import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type StackContext, StackError } from '../context';
import { acquireLock } from '../lock';
import { run } from '../processes/run';

/** The file of the static provider's word vectors: STATIC_EMBEDDING_FILE, else one in the state folder. */
export function staticTableFile(context: StackContext): string {
  const given = context.environment.STATIC_EMBEDDING_FILE;
  return given ? resolve(context.root, given) : join(context.stateDir, 'static-embedding.bin');
}

/** Makes the static provider's table of word vectors, unless it is there or another provider is chosen. */
export async function ensureStaticTable(context: StackContext): Promise<void> {
  const file = staticTableFile(context);
  if ((context.environment.EMBEDDING_PROVIDER || 'static') !== 'static' || existsSync(file)) {
    return;
  }
  const program = join(context.root, 'packages/embeddings/dist/buildStaticTable.js');
  if (!existsSync(program)) {
    throw new StackError(`${program} is missing; the build did not finish.`);
  }
  const release = await acquireLock(join(context.stateDir, 'locks'), 'static-table');
  try {
    if (existsSync(file)) {
      return;
    }
    context.say('Converting the word vectors of the static embedding provider (once, a few seconds) ...');
    await run(process.execPath, [program, file], {
      log: join(context.logDir, 'static-table.log'),
      failure: 'The table of word vectors could not be made.',
    });
  } finally {
    release();
  }
}
