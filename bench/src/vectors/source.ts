import { join } from 'node:path';
import { loadConfig } from '@millrace/config';
import { createEmbeddingProvider } from '@millrace/embeddings';
import { type Environment, root, withStaticProvider } from '../benchStack';
import { loadCorpus } from './corpus';
import type { Source } from './parts';
import { truthQueries } from './queries';

/** Where the corpus is kept once its PDFs have been read. */
const cacheFolder = join(root, '.millrace', 'bench');

export interface SourceOptions {
  environment: Environment;
  /** The folder of PDFs. */
  files: string;
}

/** The corpus of a folder, the static provider, and the queries with their vectors. */
export async function openSource({ environment, files }: SourceOptions): Promise<Source & { queries: string[] }> {
  const provider = await createEmbeddingProvider(loadConfig(withStaticProvider(environment)).embedding);
  const corpus = await loadCorpus(files, cacheFolder);
  const queries = truthQueries(corpus);
  return { corpus, provider, queries, queryVectors: await provider.embed(queries) };
}
