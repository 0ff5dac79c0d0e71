import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Environment, root } from '../benchStack';
import { execute, withScratchDatabase } from '../databases';

const run = promisify(execFile);
const folder = join(root, 'bench', 'peers');

interface Peer {
  /** The program in bench/peers. */
  program: string;
  variables?: Record<string, string>;
}

/** The peers by the names of their figures. */
export const peers: Readonly<Record<string, Peer>> = {
  langchain: { program: 'langchain.mjs' },
  langchain_indexed: { program: 'langchain.mjs', variables: { INDEXED: '1' } },
  llamaindex: { program: 'llamaindex.mjs' },
};

/** One pass over all files. */
interface PeerRun {
  seconds: number;
  pages: number;
  chunks: number;
}

/** Installs the packages of the peers once. Millrace itself does not depend on them. */
export async function installPeers(): Promise<void> {
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  const stamp = join(folder, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) {
    return;
  }
  console.error('Installing the packages of the peers ...');
  await run('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: folder });
  writeFileSync(stamp, lock);
}

/**
 * Makes a peer ingest the files twice, on a new database.
 * @returns the pass straight after its start, and the next one in the same process on an empty database.
 */
export async function runPeer(
  { program, variables }: Peer,
  environment: Environment,
  files: readonly string[],
): Promise<{ cold: PeerRun; warm: PeerRun }> {
  return withScratchDatabase(environment.DATABASE_URL ?? '', async (databaseUrl) => {
    await execute(databaseUrl, 'CREATE EXTENSION vector');
    const { stdout } = await run(process.execPath, [join(folder, program), ...files], {
      maxBuffer: 2 ** 26,
      env: {
        PATH: environment.PATH,
        DATABASE_URL: databaseUrl,
        STATIC_EMBEDDING_FILE: environment.STATIC_EMBEDDING_FILE ?? join(root, '.millrace', 'static-embedding.bin'),
        ...variables,
      },
    });
    const [cold, warm] = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as [PeerRun, PeerRun];
    return { cold, warm };
  });
}
