import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Instance, ServiceName } from '../servers/instance';
import type { ServerProcess } from '../servers/serverProcess';
import type { StackContext } from '../system/context';
import { readJson, writeAtomically } from '../system/files';
import { isSameProcess } from '../system/lock';

/** The services in the order in which they start. */
export const serviceNames = ['postgres', 'redis'] as const satisfies readonly ServiceName[];

const processSchema = z.object({ pid: z.number(), identity: z.string() });
const instanceSchema = z.discriminatedUnion('kind', [
  processSchema.extend({ kind: z.literal('private'), port: z.number(), dataDir: z.string() }),
  z.object({ kind: z.literal('docker'), port: z.number(), project: z.string() }),
]);
const stateSchema = z.object({
  stateDir: z.string(),
  postgres: instanceSchema.optional(),
  redis: instanceSchema.optional(),
  keep: z.boolean(),
  users: z.array(processSchema),
});

/** What this checkout has started, kept in STATE_DIR/services.json. The services lock guards it. */
export interface ServiceState {
  /** The state folder that this was written for. A copied checkout must not take the servers of the original. */
  stateDir: string;
  postgres?: Instance | undefined;
  redis?: Instance | undefined;
  /** Started with `services up`: the servers stay when the commands that use them end. */
  keep: boolean;
  /** The commands that use the servers now. The last one that ends stops the servers, unless they are kept. */
  users: ServerProcess[];
}

/** Reads the state. It is empty when the file is missing, damaged, or copied from another checkout. */
export function readServiceState(context: StackContext): ServiceState {
  const { data } = stateSchema.safeParse(readJson(join(context.stateDir, 'services.json')));
  if (data?.stateDir !== context.stateDir) {
    return { stateDir: context.stateDir, keep: false, users: [] };
  }
  return { ...data, users: data.users.filter((user) => isSameProcess(user.pid, user.identity)) };
}

/** Replaces the state. */
export function writeServiceState(context: StackContext, state: ServiceState): void {
  writeAtomically(join(context.stateDir, 'services.json'), `${JSON.stringify(state, null, 2)}\n`, 0o600);
}

const secretsSchema = z.object({ postgresPassword: z.string(), redisPassword: z.string() });

/** The passwords of the servers that this checkout starts. They are made once. */
export type Secrets = Readonly<z.infer<typeof secretsSchema>>;

/** Returns the passwords in STATE_DIR/secrets.json (mode 0600). The first call makes them. The caller has the lock. */
export function loadSecrets(context: StackContext): Secrets {
  const file = join(context.stateDir, 'secrets.json');
  const { data } = secretsSchema.safeParse(readJson(file));
  if (data) {
    return data;
  }
  // Letters and digits alone need no escaping in a URL or a configuration file.
  const make = () => randomBytes(24).toString('hex');
  const secrets = { postgresPassword: make(), redisPassword: make() };
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
