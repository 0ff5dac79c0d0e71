import { installService } from '../apt/install';
import type { StackContext } from '../context';
import { findPostgres } from '../postgres/binaries';
import { ensureServices, resetServices, stopServices } from '../services/backingServices';
import { ensureStaticTable } from '../services/staticTable';
import { inspectServices } from '../services/status';
import { UsageError } from './usage';

async function printStatus(context: StackContext, urls: boolean): Promise<number> {
  const statuses = await inspectServices(context);
  for (const status of statuses) {
    if (urls) {
      if (status.url !== undefined) {
        // Quoted for `eval`, since a given URL may hold an ampersand.
        const quoted = `'${status.url.replaceAll("'", "'\\''")}'`;
        context.say(`${status.service === 'postgres' ? 'DATABASE_URL' : 'REDIS_URL'}=${quoted}`);
      }
    } else {
      context.say(`${status.service}: ${status.text}`);
    }
  }
  return statuses.every((status) => status.answers) ? 0 : 1;
}

/** Installs what private instances need; for a user who may call sudo but does not want to run all as root. */
async function install(context: StackContext): Promise<void> {
  const postgres = await findPostgres(context.environment.PATH, undefined);
  if (!postgres?.hasVector) {
    await installService(context, 'postgres');
  }
  await installService(context, 'redis');
  context.say('Installed. Now run as yourself: npm run services -- up');
}

/** `services up|down|reset|status|install`: returns the exit code. */
export async function servicesCommand(context: StackContext, args: readonly string[]): Promise<number> {
  const [action, ...flags] = args;
  const unknown = flags.find((flag) => !(action === 'status' && flag === '--urls'));
  if (unknown !== undefined) {
    throw new UsageError(`Unknown argument: ${unknown}`);
  }
  switch (action) {
    case 'up': {
      await ensureServices(context, { keep: true });
      await ensureStaticTable(context);
      return printStatus(context, false);
    }
    case 'down': {
      const stopped = await stopServices(context);
      context.say(stopped.length > 0 ? `Stopped: ${stopped.join(', ')}. The data stays.` : 'Nothing was started here.');
      return 0;
    }
    case 'reset':
      await resetServices(context);
      context.say('Stopped and deleted: the database, the queues and the uploaded files of this checkout.');
      return 0;
    case 'status':
      return printStatus(context, flags.includes('--urls'));
    case 'install':
      // Run by root in somebody's checkout, so it logs where root's files belong.
      await install({ ...context, logDir: '/var/log/millrace' });
      return 0;
    default:
      throw new UsageError(action === undefined ? 'services needs an action.' : `Unknown action: ${action}`);
  }
}
