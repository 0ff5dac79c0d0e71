import { plainModel } from '@millrace/test-support';
import { checkedProvider } from '../src';

function answering(embedBatch: (texts: readonly string[]) => ArrayLike<number>[], maxBatchSize = 10) {
  const traits = { ...plainModel('test-model', 3), name: 'test', maxTokens: 512, maxBatchSize, inProcess: true };
  return checkedProvider(traits, { embedBatch: async (texts) => embedBatch(texts) });
}

describe('A checked provider', () => {
  test.each([
    [
      [3, 0, 4],
      [0.6, 0, 0.8],
    ],
    [
      [1e300, 0, 1e300],
      [Math.SQRT1_2, 0, Math.SQRT1_2],
    ],
    [
      [1e-300, 0, 0],
      [1, 0, 0],
    ],
  ])('When a vector is %j, then it is scaled to unit length', async (given, expected) => {
    const [vector] = await answering(() => [given]).embed(['a']);
    expect(vector).toEqual(Float32Array.from(expected));
  });

  test.each([
    ['too few vectors', [[1, 0, 0]], 'EMBEDDING_INVALID_RESPONSE'],
    [
      'too many vectors',
      [
        [1, 0, 0],
        [1, 0, 0],
        [1, 0, 0],
      ],
      'EMBEDDING_INVALID_RESPONSE',
    ],
    [
      'a vector too short',
      [
        [1, 0, 0],
        [1, 0],
      ],
      'EMBEDDING_DIMENSION_MISMATCH',
    ],
    [
      'a vector too long',
      [
        [1, 0, 0],
        [1, 0, 0, 0],
      ],
      'EMBEDDING_DIMENSION_MISMATCH',
    ],
    [
      'NaN',
      [
        [1, 0, 0],
        [Number.NaN, 1, 0],
      ],
      'EMBEDDING_INVALID_RESPONSE',
    ],
    [
      'infinity',
      [
        [1, 0, 0],
        [0, Number.POSITIVE_INFINITY, 0],
      ],
      'EMBEDDING_INVALID_RESPONSE',
    ],
    [
      'a vector of zeros',
      [
        [1, 0, 0],
        [0, 0, 0],
      ],
      'EMBEDDING_INVALID_RESPONSE',
    ],
  ])('When the provider returns %s, then the call is refused', async (_, vectors, code) => {
    await expect(answering(() => vectors).embed(['a', 'b'])).rejects.toMatchObject({ code });
  });

  test('When there are more texts than one request takes, then they are split and their order stays', async () => {
    const batches: number[] = [];
    const provider = answering((texts) => {
      batches.push(texts.length);
      return texts.map((text) => [Number(text), 1, 0]);
    }, 2);
    const vectors = await provider.embed(['1', '2', '3', '4', '5']);
    expect(batches).toEqual([2, 2, 1]);
    expect(vectors.map((vector) => Math.round((vector[0] ?? 0) / (vector[1] ?? 1)))).toEqual([1, 2, 3, 4, 5]);
  });

  test('When the signal is aborted between two requests, then the second is not made', async () => {
    const controller = new AbortController();
    let calls = 0;
    const provider = answering((texts) => {
      calls++;
      controller.abort(new Error('stopping'));
      return texts.map(() => [1, 0, 0]);
    }, 1);
    await expect(provider.embed(['a', 'b'], { signal: controller.signal })).rejects.toThrow('stopping');
    expect(calls).toBe(1);
  });
});

test('When texts are embedded, then the prefix of their kind stands before each', async () => {
  const sent: string[] = [];
  const traits = { ...plainModel('test-model', 1), queryPrefix: 'query: ', documentPrefix: 'passage: ' };
  const provider = checkedProvider(
    { ...traits, name: 'test', maxTokens: 512, maxBatchSize: 2, inProcess: true },
    {
      async embedBatch(texts) {
        sent.push(...texts);
        return texts.map(() => [1]);
      },
    },
  );
  await provider.embed(['a', 'b', 'c']);
  await provider.embed(['d'], { as: 'query' });
  expect(sent).toEqual(['passage: a', 'passage: b', 'passage: c', 'query: d']);
});
