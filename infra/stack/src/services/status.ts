import { join } from 'node:path';
import type { StackContext } from '../context';
import { probePostgres } from '../postgres/probe';
import { isRunning } from '../processes/serverProcess';
import { messageOf } from '../processes/wait';
import { pingRedis } from '../redis/probe';
import { instanceUrl, isOurs } from './backend';
import { serviceNames } from './backingServices';
import { checkGiven, givenUrl, givenVariables, withoutPassword } from './givenServices';
import { loadSecrets } from './secrets';
import { type Instance, readServiceState, type ServiceName } from './serviceState';

/** What is known about one service. */
export interface ServiceStatus {
  readonly service: ServiceName;
  readonly url: string | undefined;
  readonly answers: boolean;
  /** For people: what it is and where, without the password. */
  readonly text: string;
}

async function inspectGiven(service: ServiceName, url: string): Promise<ServiceStatus> {
  const variable = givenVariables[service];
  const where = `given by ${variable}: ${withoutPassword(url)}`;
  try {
    await checkGiven(service, url);
    return { service, url, answers: true, text: `answers; ${where}` };
  } catch (error) {
    return { service, url, answers: false, text: messageOf(error) };
  }
}

async function doesAnswer(service: ServiceName, url: string): Promise<boolean> {
  try {
    return service === 'postgres' ? (await probePostgres(url, 5_000)).major > 0 : await pingRedis(url, 5_000);
  } catch {
    // Status is there to say so; the reason is in the service's log.
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
    const text = `docker compose project ${instance.project}, 127.0.0.1:${instance.port}`;
    return { service, url, answers, text: `${answers ? 'answers' : 'stopped'}; ${text}` };
  }
  const answers = await isOurs(service, instance, secrets);
  const outside = instance.dataDir.startsWith(`${context.stateDir}/`)
    ? ''
    : ` (outside ${context.stateDir}, which the account that runs it cannot enter)`;
  const log = join(context.logDir, `${service}.log`);
  if (answers) {
    const place = `127.0.0.1:${instance.port}, process ${instance.pid}`;
    return {
      service,
      url,
      answers,
      text: `answers; private instance, ${place}, data in ${instance.dataDir}${outside}`,
    };
  }
  const state = isRunning(instance) ? 'runs but does not answer' : 'stopped';
  return {
    service,
    url,
    answers,
    text: `${state}; private instance, data in ${instance.dataDir}${outside}, log ${log}`,
  };
}

/** Looks at both services without changing anything. */
export async function inspectServices(context: StackContext): Promise<ServiceStatus[]> {
  const state = readServiceState(context);
  return Promise.all(
    serviceNames.map((service) => {
      const given = givenUrl(context, service);
      const instance = state[service];
      if (given !== undefined) {
        return inspectGiven(service, given);
      }
      return instance
        ? inspectInstance(context, service, instance)
        : { service, url: undefined, answers: false, text: 'never started in this checkout' };
    }),
  );
}
