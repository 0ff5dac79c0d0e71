import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Creates a registry of Prometheus metrics, labelled by service. It begins with Node's own: memory, event loop, CPU. */
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

/** Adds gauges of the connection pools, by the pool's name. Each reading of the metrics calls `count`. */
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
    help: 'The most connections that a pool opens',
    labelNames: ['pool'],
    registers,
    collect() {
      for (const [pool, { max }] of Object.entries(count())) {
        this.set({ pool }, max);
      }
    },
  });
}

/** Adds a gauge that says whether the server of DATABASE_READ_URL answers searches. Each reading calls `isRead`. */
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

export { Counter, Gauge, Histogram, Registry };
