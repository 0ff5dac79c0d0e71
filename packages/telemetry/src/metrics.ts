import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** A registry of Prometheus metrics that begins with Node's own (memory, event loop, CPU), labelled by service. */
export function createRegistry(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry, prefix: 'millrace_' });
  return registry;
}

export { Counter, Histogram, Registry };
