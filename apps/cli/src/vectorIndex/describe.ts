import type { BuildProgress, VectorIndex } from '@millrace/database';

/** Returns "hnsw (m = 12, ef_construction = 48), 31.2 MB", and says so when the index is not usable. */
export function describeIndex({ kind, parameters, bytes, valid, signatures }: VectorIndex): string {
  const settings = Object.entries(parameters).map(([name, value]) => `${name} = ${value}`);
  const how = settings.length === 0 ? '' : ` (${settings.join(', ')})`;
  const state = valid ? '' : ', not usable: it is being built, or a build of it was interrupted';
  const mean = signatures !== null && signatures.sampled > 0 ? `, with the mean of ${signatures.sampled} vectors` : '';
  return `${kind}${how}, ${(bytes / 2 ** 20).toFixed(1)} MB${mean}${state}`;
}

/** Describes the rows, the indexes and the build, one line each. */
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
    lines.push(`Build: ${describeProgress(progress)}`);
  }
  return lines.join('\n');
}

/** Returns "loading tuples, 42%". */
export function describeProgress({ phase, share }: BuildProgress): string {
  return share === null ? phase : `${phase}, ${Math.floor(share * 100)}%`;
}
