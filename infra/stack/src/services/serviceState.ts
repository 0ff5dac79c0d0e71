import { join } from 'node:path';
import type { StackContext } from '../context';
import { readJson, writeAtomically } from '../files';
import { isSameProcess } from '../lock';
import type { ServerProcess } from '../processes/serverProcess';

/** A server of locally installed binaries that belongs to this checkout. */
export interface PrivateInstance extends ServerProcess {
  readonly kind: 'private';
  readonly port: number;
  readonly dataDir: string;
}

/** A container of this checkout's docker compose project. */
export interface DockerInstance {
  readonly kind: 'docker';
  readonly port: number;
  readonly project: string;
}

export type Instance = PrivateInstance | DockerInstance;
export type ServiceName = 'postgres' | 'redis';

/** What this checkout has started, kept in STATE_DIR/services.json. Read and written under the services lock. */
export interface ServiceState {
  /** The state folder this was written for: a copied checkout must not take the original's servers for its own. */
  stateDir: string;
  postgres?: Instance;
  redis?: Instance;
  /** Started with `services up`: the servers stay when the commands that use them end. */
  keep: boolean;
  /** The commands that use the servers now; the last one that ends stops them, unless they are kept. */
  users: ServerProcess[];
}

function isInstance(value: unknown): value is Instance {
  return typeof value === 'object' && value !== null && 'kind' in value && 'port' in value;
}

/** Reads the state; empty when there is none, it is damaged, or it was copied from another checkout. */
export function readServiceState(context: StackContext): ServiceState {
  const state: ServiceState = { stateDir: context.stateDir, keep: false, users: [] };
  const kept = readJson(join(context.stateDir, 'services.json'));
  if (typeof kept !== 'object' || kept === null || !('stateDir' in kept) || kept.stateDir !== context.stateDir) {
    return state;
  }
  if ('postgres' in kept && isInstance(kept.postgres)) {
    state.postgres = kept.postgres;
  }
  if ('redis' in kept && isInstance(kept.redis)) {
    state.redis = kept.redis;
  }
  state.keep = 'keep' in kept && kept.keep === true;
  if ('users' in kept && Array.isArray(kept.users)) {
    const users: ServerProcess[] = kept.users;
    state.users = users.filter((user) => isSameProcess(user.pid, user.identity));
  }
  return state;
}

/** Writes the state as a whole. */
export function writeServiceState(context: StackContext, state: ServiceState): void {
  writeAtomically(join(context.stateDir, 'services.json'), `${JSON.stringify(state, null, 2)}\n`, 0o600);
}
