import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrivateServers, type ServerSettings } from '@millrace/stack';

/** The checkout. */
export const root = join(__dirname, '..', '..', '..');

/** Servers of a run's own in a folder of its own, for the run to break. */
export interface Backing {
  servers: PrivateServers;
  /** Logs are in `logs`; the rest of it may be used freely. */
  folder: string;
  /** Stops the servers and removes their data, and the folder with it unless it is to be looked at. */
  stop(options?: { keepFolder?: boolean }): Promise<void>;
}

/** @throws StackError when PostgreSQL or Redis is not installed, saying what to do. */
export async function startBacking(
  settings: { postgres?: ServerSettings; redis?: ServerSettings } = {},
): Promise<Backing> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  let servers: PrivateServers;
  try {
    servers = await PrivateServers.start({ root, folder, ...settings });
  } catch (error) {
    remove();
    throw error;
  }
  return {
    servers,
    folder,
    stop: async ({ keepFolder = false } = {}) => {
      await servers.stop();
      if (!keepFolder) {
        remove();
      }
    },
  };
}

/**
 * What must be installed before a backing can be started here; empty when nothing is missing. For test files, which must
 * know it before anything can be awaited: so it is asked of another process.
 */
export function missingPrograms(): string {
  const program = `require('@millrace/stack').describeMissingServers(process.env.PATH).then((text) => console.log(text ?? ''))`;
  return spawnSync(process.execPath, ['-e', program], {
    cwd: join(root, 'tests', 'chaos'),
    encoding: 'utf8',
  }).stdout.trim();
}
