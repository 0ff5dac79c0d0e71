import { setImmediate as nextTurn } from 'node:timers/promises';
import { MillraceError } from '@millrace/contracts';
import type { EmbeddingProvider, ProviderTraits, RawEmbeddingProvider } from './provider';

/**
 * Wraps a provider's own code so that every vector that leaves it is right. Puts the model's prefix before every text, and
 * splits the texts by `maxBatchSize`. Checks that every answer holds one vector per text, and that every vector has exactly `dimensions` finite numbers and is not zero.
 * Scales every vector to unit length.
 */
export function checkedProvider(traits: ProviderTraits, raw: RawEmbeddingProvider): EmbeddingProvider {
  const { name, model, dimensions } = traits;
  const maxBatchSize = () => Math.min(traits.maxBatchSize, raw.largestBatch ?? traits.maxBatchSize);
  return {
    ...traits,
    get maxBatchSize() {
      return maxBatchSize();
    },
    async embed(texts, { as = 'document', signal } = {}) {
      const prefix = as === 'query' ? traits.queryPrefix : traits.documentPrefix;
      const vectors: Float32Array[] = [];
      while (vectors.length < texts.length) {
        if (vectors.length > 0) {
          // An in-process provider computes without a pause. Lease renewals and health checks run in between.
          await nextTurn();
        }
        signal?.throwIfAborted();
        const batch = texts.slice(vectors.length, vectors.length + maxBatchSize()).map((text) => prefix + text);
        const answer = await raw.embedBatch(batch, signal);
        if (answer.length !== batch.length) {
          throw new MillraceError(
            'EMBEDDING_INVALID_RESPONSE',
            `${name} returned ${answer.length} vectors for ${batch.length} texts.`,
          );
        }
        for (const vector of answer) {
          vectors.push(unitVector(vector, dimensions, model));
        }
      }
      return vectors;
    },
    async close() {
      await raw.close?.();
    },
  };
}

/**
 * Returns a copy of `vector`, scaled to Euclidean length 1.
 * @throws MillraceError EMBEDDING_DIMENSION_MISMATCH when it does not have `dimensions` values, EMBEDDING_INVALID_RESPONSE
 *   when a value is not a finite number or all values are zero.
 */
function unitVector(vector: ArrayLike<number>, dimensions: number, model: string): Float32Array {
  if (vector.length !== dimensions) {
    throw new MillraceError(
      'EMBEDDING_DIMENSION_MISMATCH',
      `${model} returned a vector of ${vector.length} dimensions; EMBEDDING_DIMENSIONS is ${dimensions}.`,
    );
  }
  // Division by the largest value first keeps the squares from overflow and underflow.
  let largest = 0;
  for (let i = 0; i < dimensions; i++) {
    const value = vector[i];
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new MillraceError(
        'EMBEDDING_INVALID_RESPONSE',
        `${model} returned a vector with a value that is not a number.`,
      );
    }
    largest = Math.max(largest, Math.abs(value));
  }
  if (largest === 0) {
    throw new MillraceError('EMBEDDING_INVALID_RESPONSE', `${model} returned a vector of zeros.`);
  }
  let sum = 0;
  for (let i = 0; i < dimensions; i++) {
    sum += ((vector[i] ?? 0) / largest) ** 2;
  }
  const length = Math.sqrt(sum);
  const unit = new Float32Array(dimensions);
  for (let i = 0; i < dimensions; i++) {
    unit[i] = (vector[i] ?? 0) / largest / length;
  }
  return unit;
}
