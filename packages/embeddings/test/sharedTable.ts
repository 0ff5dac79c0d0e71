import { resolve } from 'node:path';
import { plainModel } from '@millrace/test-support';
import type { ProviderConfig } from '../src';
import { ensureStaticTable } from '../src/static/staticTableBuilder';

const repositoryRoot = resolve(__dirname, '../../..');

/** Returns the file of the table that `npm run services -- up` makes. Builds it when it is missing. */
export async function sharedTable(): Promise<string> {
  const file = resolve(repositoryRoot, '.millrace/static-embedding.bin');
  await ensureStaticTable(file);
  return file;
}

/** Returns the configuration of the static provider with a table. */
export function staticConfig(tableFile: string, changes: Partial<ProviderConfig> = {}): ProviderConfig {
  return {
    provider: 'static',
    ...plainModel('millrace-static-v2'),
    maxTokens: 8_192,
    batchSize: 4,
    timeoutMs: 60_000,
    stateDir: 'unused',
    settings: { STATIC_EMBEDDING_FILE: tableFile },
    ...changes,
  };
}
