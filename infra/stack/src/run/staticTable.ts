import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type StackContext, StackError } from '../system/context';
import { acquireLock } from '../system/lock';
import { run } from '../system/run';

/** Returns the file of the static provider's word vectors: STATIC_EMBEDDING_FILE, else one in the state folder. */
export function staticTableFile(context: StackContext): string {
  const { STATIC_EMBEDDING_FILE: file } = context.environment;
  return file ? resolve(context.root, file) : join(context.stateDir, 'static-embedding.bin');
}

/**
 * Returns the path of a compiled program of this checkout.
 * @throws StackError when it is missing
 */
export function compiledProgram(context: StackContext, path: string): string {
  const program = join(context.root, path);
  if (!existsSync(program)) {
    throw new StackError(`${program} is missing; the build did not finish.`);
  }
  return program;
}

/** Makes the static provider's table of word vectors, unless it exists or another provider is configured. */
export async function ensureStaticTable(context: StackContext): Promise<void> {
  const file = staticTableFile(context);
  if ((context.environment.EMBEDDING_PROVIDER || 'static') !== 'static' || existsSync(file)) {
    return;
  }
  const program = compiledProgram(context, 'packages/embeddings/dist/buildStaticTable.js');
  const release = await acquireLock(join(context.stateDir, 'locks'), 'static-table');
  try {
    if (existsSync(file)) {
      return;
    }
    context.print('Converting the word vectors of the static embedding provider (once, a few seconds) ...');
    await run(process.execPath, [program, file], {
      log: join(context.logDir, 'static-table.log'),
      failure: 'The table of word vectors could not be made.',
    });
  } finally {
    release();
  }
}
