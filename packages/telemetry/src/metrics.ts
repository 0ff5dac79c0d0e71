import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** A registry of Prometheus metrics that begins with Node's own (memory, event loop, CPU), labelled by service. */
export function createRegistry(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry, prefix: 'millrace_' });
  return registry;
}

interface PoolCounts {
  active: number;
  idle: number;
  waiting: number;
  max: number;
}

/** Gauges of connection pools, by the pool's name. `count` is asked when the metrics are. */
export function addPoolMetrics(registry: Registry, count: () => Record<string, PoolCounts>): void {
  const registers = [registry];
  new Gauge({
    name: 'millrace_database_connections',
    help: 'Connections to the database, by pool and whether they are in use (active) or not (idle)',
    labelNames: ['pool', 'state'],
    registers,
    collect() {
      for (const [pool, { active, idle }] of Object.entries(count())) {
        this.set({ pool, state: 'active' }, active);
        this.set({ pool, state: 'idle' }, idle);
      }
    },
  });
  new Gauge({
    name: 'millrace_database_waiting',
    help: 'Callers that wait for a connection to the database, by pool',
    labelNames: ['pool'],
    registers,
    collect() {
      for (const [pool, { waiting }] of Object.entries(count())) {
        this.set({ pool }, waiting);
      }
    },
  });
  new Gauge({
    name: 'millrace_database_connections_max',
    help: 'Most connections that a pool opens',
    labelNames: ['pool'],
    registers,
    collect() {
      for (const [pool, { max }] of Object.entries(count())) {
        this.set({ pool }, max);
      }
    },
  });
}

/** A gauge that says whether searches are answered by the server of DATABASE_READ_URL. `isRead` is asked when the metrics are. */
export function addReadMetric(registry: Registry, isRead: () => boolean): void {
  new Gauge({
    name: 'millrace_database_read_fresh',
    help: '1 while the server of DATABASE_READ_URL is read, 0 while the primary answers in its place',
    registers: [registry],
    collect() {
      this.set(isRead() ? 1 : 0);
    },
  });
}

export { Counter, Histogram, Registry };
