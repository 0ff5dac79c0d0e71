import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { type Environment, root } from '../benchStack';
import { execute, withScratchDatabase } from '../scratchDatabase';

const folder = join(root, 'bench', 'peers');

export const peers = { langchain: 'LangChain.js', llamaindex: 'LlamaIndex.TS' } as const;
export type PeerName = keyof typeof peers;

/** One pass over all files. */
export interface PeerRun {
  seconds: number;
  pages: number;
  chunks: number;
}

export interface PeerRuns {
  /** Straight after the start of its process. */
  cold: PeerRun;
  /** The same process again, with nothing left in the database. */
  warm: PeerRun;
}

/** Installs the peers' packages, once: Millrace itself comes without them. */
export async function installPeers(): Promise<void> {
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  const stamp = join(folder, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) {
    return;
  }
  console.error('Installing the packages of the peers ...');
  await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: folder });
  writeFileSync(stamp, lock);
}

/** Has a peer ingest the files, on a database of its own. */
export async function runPeer(name: PeerName, environment: Environment, files: readonly string[]): Promise<PeerRuns> {
  return withScratchDatabase(environment.DATABASE_URL ?? '', async (databaseUrl) => {
    await execute(databaseUrl, 'CREATE EXTENSION vector');
    const child = spawn(process.execPath, [join(folder, `${name}.mjs`), ...files], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: environment.PATH,
        DATABASE_URL: databaseUrl,
        STATIC_EMBEDDING_FILE: environment.STATIC_EMBEDDING_FILE ?? join(root, '.millrace', 'static-embedding.bin'),
      },
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    const [output, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    const last = output.trim().split('\n').at(-1) ?? '';
    if (code !== 0) {
      throw new Error(`${peers[name]} ended with ${code}: ${complaint.trim().slice(-2_000)}`);
    }
    const [cold, warm] = JSON.parse(last) as [PeerRun, PeerRun];
    return { cold, warm };
  });
}
