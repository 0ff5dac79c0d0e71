import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrivateServers, type ServerSettings } from '@millrace/stack';

/** The checkout. */
export const root = join(__dirname, '..', '..', '..');

/** PostgreSQL and Redis for one run, which may break them. */
export interface Backing {
  servers: PrivateServers;
  /** Its folder. Logs are in `logs`. The run may use the rest freely. */
  folder: string;
  /** Stops the servers and removes their data. Removes the folder too, unless it is kept. */
  stop(options?: { keepFolder?: boolean }): Promise<void>;
}

/** Starts the servers. @throws StackError that says what to do when PostgreSQL or Redis is not installed. */
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
 * Says what must be installed before a backing can start here. Empty when nothing is missing. Test files must know this
 * before they can await anything, so another process finds it out.
 */
export function missingPrograms(): string {
  const program = `require('@millrace/stack').describeMissingServers(process.env.PATH).then((text) => console.log(text ?? ''))`;
  return spawnSync(process.execPath, ['-e', program], {
    cwd: join(root, 'tests', 'chaos'),
    encoding: 'utf8',
  }).stdout.trim();
}
