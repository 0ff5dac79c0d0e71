import { join } from 'node:path';
import { probePostgres } from '../postgres/probe';
import { pingRedis } from '../redis/probe';
import type { Instance, ServiceName } from '../servers/instance';
import { isRunning } from '../servers/serverProcess';
import { messageOf, type StackContext } from '../system/context';
import { checkServer, configuredUrl, urlVariables, withoutPassword } from './configured';
import { instanceUrl, isOurs } from './instances';
import { loadSecrets, readServiceState, serviceNames } from './state';

/** The state of one service. */
export interface ServiceStatus {
  readonly service: ServiceName;
  readonly url: string | undefined;
  readonly answers: boolean;
  /** For people: what it is and where, without the password. */
  readonly text: string;
}

async function inspectConfigured(service: ServiceName, url: string): Promise<ServiceStatus> {
  try {
    await checkServer(service, url);
    const text = `answers; configured by ${urlVariables[service]}: ${withoutPassword(url)}`;
    return { service, url, answers: true, text };
  } catch (error) {
    return { service, url, answers: false, text: messageOf(error) };
  }
}

async function doesAnswer(service: ServiceName, url: string): Promise<boolean> {
  try {
    return service === 'postgres' ? (await probePostgres(url, 5_000)).major > 0 : await pingRedis(url, 5_000);
  } catch {
    // The status says so. The reason is in the log of the server.
    return false;
  }
}

async function inspectInstance(
  context: StackContext,
  service: ServiceName,
  instance: Instance,
): Promise<ServiceStatus> {
  const secrets = loadSecrets(context);
  const url = instanceUrl(service, instance, secrets);
  if (instance.kind === 'docker') {
    const answers = await doesAnswer(service, url);
    const where = `docker compose project ${instance.project}, 127.0.0.1:${instance.port}`;
    return { service, url, answers, text: `${answers ? 'answers' : 'stopped'}; ${where}` };
  }
  const answers = await isOurs(service, instance, secrets);
  const { pid, port, dataDir } = instance;
  const outside = dataDir.startsWith(`${context.stateDir}/`)
    ? ''
    : ` (outside ${context.stateDir}, which the account that runs it cannot enter)`;
  const data = `data in ${dataDir}${outside}`;
  if (answers) {
    return { service, url, answers, text: `answers; private instance, 127.0.0.1:${port}, process ${pid}, ${data}` };
  }
  const state = isRunning(instance) ? 'runs but does not answer' : 'stopped';
  const log = join(context.logDir, `${service}.log`);
  return { service, url, answers, text: `${state}; private instance, ${data}, log ${log}` };
}

/** Inspects both services. Changes nothing. */
export async function inspectServices(context: StackContext): Promise<ServiceStatus[]> {
  const state = readServiceState(context);
  return Promise.all(
    serviceNames.map((service) => {
      const url = configuredUrl(context, service);
      const instance = state[service];
      if (url !== undefined) {
        return inspectConfigured(service, url);
      }
      return instance
        ? inspectInstance(context, service, instance)
        : { service, url: undefined, answers: false, text: 'never started in this checkout' };
    }),
  );
}
