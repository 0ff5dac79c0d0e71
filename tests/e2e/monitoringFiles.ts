import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './support';

const prometheus = join(root, 'infra', 'prometheus');

/** The files for Prometheus. Its program promtool checks them. */
export const prometheusFiles = {
  rules: join(prometheus, 'rules.yml'),
  ruleTests: join(prometheus, 'rules.test.yml'),
  config: join(prometheus, 'prometheus.yml'),
};

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string }[];
}

/** The dashboard for Grafana. */
export async function readDashboard(): Promise<{ uid: string; title: string; panels: Panel[] }> {
  return JSON.parse(await readFile(join(root, 'infra', 'grafana', 'millrace.json'), 'utf8'));
}

/** Returns the names of metrics in a text. Names of rules have colons. */
export function metricsIn(text: string): string[] {
  return [...new Set(text.match(/\bmillrace[_:][a-z0-9_:]+/g))];
}

/** Returns the names of the samples that an answer of /metrics declares, whether it has samples yet or not. */
export function declaredIn(metrics: string): string[] {
  return [...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
}
