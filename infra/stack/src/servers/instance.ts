import type { ServerProcess } from './serverProcess';

export type ServiceName = 'postgres' | 'redis';

/** A server of locally installed programs that belongs to this checkout. */
export interface PrivateInstance extends ServerProcess {
  readonly kind: 'private';
  readonly port: number;
  readonly dataDir: string;
}

/** A container of the docker compose project of this checkout. */
export interface DockerInstance {
  readonly kind: 'docker';
  readonly port: number;
  readonly project: string;
}

export type Instance = PrivateInstance | DockerInstance;
