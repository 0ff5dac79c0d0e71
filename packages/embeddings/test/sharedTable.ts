import { resolve } from 'node:path';
import { ensureStaticTable } from '../src';

const repositoryRoot = resolve(__dirname, '../../..');

/** The table where `npm run services -- up` puts it; built once when it is not there, however many workers ask. */
export async function sharedTable(): Promise<string> {
  const file = resolve(repositoryRoot, '.millrace/static-embedding.bin');
  await ensureStaticTable(file);
  return file;
}
