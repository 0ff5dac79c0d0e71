import { createRequire } from 'node:module';

/** Millrace's own static provider: it costs the peer as little as it costs us. */
const { createEmbeddingProvider } = createRequire(import.meta.url)('../../packages/embeddings');

export const dimensions = 768;

export const provider = await createEmbeddingProvider({
  provider: 'static',
  model: 'millrace-static-v2',
  dimensions,
  queryPrefix: '',
  documentPrefix: '',
  context: 'none',
  maxTokens: 8_192,
  batchSize: 64,
  timeoutMs: 60_000,
  stateDir: '',
  settings: { STATIC_EMBEDDING_FILE: process.env.STATIC_EMBEDDING_FILE },
});

/** Texts in, arrays of 768 numbers out. */
export async function embed(texts) {
  const vectors = [];
  for (let from = 0; from < texts.length; from += 64) {
    vectors.push(...(await provider.embed(texts.slice(from, from + 64))).map((vector) => Array.from(vector)));
  }
  return vectors;
}
