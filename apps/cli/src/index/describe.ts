import type { BuildProgress, VectorIndex } from '@millrace/database';

/** "hnsw (m = 12, ef_construction = 48), 31.2 MB", and its state where that is not simply usable. */
export function describeIndex({ kind, parameters, bytes, valid }: VectorIndex): string {
  const written = Object.entries(parameters).map(([name, value]) => `${name} = ${value}`);
  const how = written.length === 0 ? '' : ` (${written.join(', ')})`;
  return `${kind}${how}, ${megabytes(bytes)}${valid ? '' : ', not usable: being built, or left by a build that was broken off'}`;
}

/** What there is, in lines. */
export function describeReport(report: {
  rows: number;
  indexes: readonly VectorIndex[];
  progress: BuildProgress | null;
}): string {
  const { rows, indexes, progress } = report;
  const lines = [`${rows} rows`];
  if (indexes.length === 0) {
    lines.push('No vector index: searches compare every vector.');
  }
  lines.push(...indexes.map(describeIndex));
  if (progress !== null) {
    lines.push(`Being built: ${describeProgress(progress)}`);
  }
  return lines.join('\n');
}

/** "loading tuples, 42%". */
export function describeProgress({ phase, share }: BuildProgress): string {
  return share === null ? phase : `${phase}, ${Math.floor(share * 100)}%`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}
