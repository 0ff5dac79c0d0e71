import { createEmbeddingProvider, type EmbeddingProvider } from '../src';
import { sharedTable, staticConfig } from './sharedTable';

function cosine(a: Float32Array | undefined, b: Float32Array | undefined): number {
  return (a ?? new Float32Array()).reduce((sum, value, i) => sum + value * (b?.[i] ?? 0), 0);
}

describe('The static provider', () => {
  let provider: EmbeddingProvider;

  async function similarity(first: string, second: string): Promise<number> {
    const [a, b] = await provider.embed([first, second]);
    return cosine(a, b);
  }

  beforeAll(async () => {
    provider = await createEmbeddingProvider(staticConfig(await sharedTable()));
  });

  test('When the provider is made, then it names its model and dimensions', () => {
    expect(provider).toMatchObject({
      name: 'static',
      model: 'millrace-static-v2',
      dimensions: 768,
      maxBatchSize: 4,
      inProcess: true,
    });
  });

  test.each([
    ['a sentence', 'Net sales rose by 4% to $46,298 million in fiscal 2023.'],
    ['unknown words only', 'zxqvbn wyqqzt'],
    ['one number', '46,298'],
    ['one unknown word', 'qzxqzxqzx'],
    ['symbols only', '*** — ***'],
    ['a space', ' '],
    ['nothing', ''],
    ['another script', '会社は利益を増やした'],
    ['a lone surrogate', 'broken \ud800 text'],
    ['a run of letters as long as a page', 'a'.repeat(20_000)],
  ])('When the text is %s, then the vector has 768 dimensions and unit length', async (_, text) => {
    const [vector] = await provider.embed([text]);
    expect(vector).toBeInstanceOf(Float32Array);
    expect(vector).toHaveLength(768);
    expect(cosine(vector, vector)).toBeCloseTo(1, 5);
  });

  test('When a text is embedded again, among others or alone, then its vector is the same', async () => {
    const texts = Array.from({ length: 11 }, (_, i) => `Paragraph ${i} about revenue and operating income.`);
    const together = await provider.embed(texts);
    const alone = await Promise.all(texts.map(async (text) => (await provider.embed([text]))[0]));
    expect(together).toEqual(alone);
  });

  test('On every machine, a text has the same vector', async () => {
    const [vector] = await provider.embed(['Net sales rose by 4% to $46,298 million in fiscal 2023.']);
    expect([...(vector ?? [])].slice(0, 6).map((value) => value.toFixed(5))).toEqual([
      '0.03007',
      '-0.01927',
      '0.04372',
      '-0.00242',
      '0.02830',
      '0.00795',
    ]);
  });

  test('When only the signs of vectors are kept, then texts of similar meaning differ in fewer of them', async () => {
    const [question, related, unrelated] = await provider.embed([
      'How much profit did the company make?',
      'The profit that the company made was three billion dollars.',
      'Penguins breed on the Antarctic coast in winter.',
    ]);
    const differing = (other: Float32Array | undefined) =>
      (question ?? []).filter((value, i) => value > 0 !== (other?.[i] ?? 0) > 0).length;
    expect(differing(related)).toBeLessThan(differing(unrelated) - 50);
    expect(question?.filter((value) => value > 0).length).toBeGreaterThan(300);
    expect(question?.filter((value) => value < 0).length).toBeGreaterThan(300);
  });

  test('When two texts have a similar meaning, then they are closer than two that do not', async () => {
    const question = 'How much profit did the company make?';
    const related = await similarity(question, 'Earnings of the firm grew to three billion dollars.');
    const unrelated = await similarity(question, 'Penguins breed on the Antarctic coast in winter.');
    expect(related).toBeGreaterThan(unrelated + 0.1);
  });

  test('When only the forms of the words differ, then two texts are closer than with other words', async () => {
    const text = 'The company acquired a supplier.';
    expect(await similarity(text, 'Companies acquiring suppliers')).toBeGreaterThan(
      await similarity(text, 'Companies visiting museums'),
    );
  });

  test('When a number is written in another form, then it is the same number', async () => {
    const question = 'total of $46,298';
    const same = await similarity(question, 'total of 46298');
    const other = await similarity(question, 'total of 51,762');
    expect(same).toBeCloseTo(1, 5);
    expect(same).toBeGreaterThan(other + 0.05);
  });

  test('When the words have another order, then the vector differs', async () => {
    expect(await similarity('dog bites man', 'man bites dog')).toBeLessThan(0.999);
  });

  test('When a question has an unknown name, then the text with that name is closer', async () => {
    const question = 'When was Zyxlotrin approved?';
    expect(await similarity(question, 'Zyxlotrin was approved in May.')).toBeGreaterThan(
      await similarity(question, 'Aspirin was approved in May.'),
    );
  });

  test('When there are no texts, then there are no vectors', async () => {
    expect(await provider.embed([])).toEqual([]);
  });

  test('When the signal is aborted, then the call rejects with its reason', async () => {
    await expect(provider.embed(['text'], { signal: AbortSignal.abort(new Error('stopping')) })).rejects.toThrow(
      'stopping',
    );
  });
});
