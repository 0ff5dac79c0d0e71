import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { KeptFigures } from '../src/indexes/keptFigures';
import { writeFigures } from '../src/report';

const all = ['hnsw', 'hnsw_binary', 'none'] as const;
type Kind = (typeof all)[number];
const conditions = { model: 'static', texts: 'abc', quick: false };

describe('KeptFigures', () => {
  const name = `test-${randomUUID()}`;
  let file: string;

  beforeEach(() => {
    file = writeFigures(name, {});
  });

  afterEach(() => rmSync(file));

  function begin(asked: readonly Kind[] = all, given: Record<string, string | boolean> = conditions) {
    return new KeptFigures<Kind>(name, given, all, asked);
  }

  function written(): { commit: string; conditions: unknown; figures: Record<string, number> } {
    return JSON.parse(readFileSync(file, 'utf8'));
  }

  it('When a run is broken off, then the next goes on with what is missing, and both are written together', () => {
    const first = begin();
    expect(first.missing).toEqual(all);
    first.keep('hnsw_binary', { bytes: 2 });
    first.keep('hnsw', { bytes: 20, build_seconds: 3 });

    const second = begin();
    expect(second.missing).toEqual(['none']);
    expect(second.of('hnsw')).toEqual({ bytes: 20, build_seconds: 3 });
    second.keep('none', { bytes: 0 });
    expect(written()).toMatchObject({
      conditions,
      figures: { hnsw_bytes: 20, hnsw_build_seconds: 3, hnsw_binary_bytes: 2, none_bytes: 0 },
    });
  });

  it('When all that is asked for is there, then it is measured anew, and what is not asked for stays', () => {
    const first = begin();
    first.keep('hnsw_binary', { bytes: 2 });
    first.keep('hnsw', { bytes: 20 });
    expect(begin(['hnsw']).missing).toEqual(['hnsw']);
    expect(written().figures).toEqual({ hnsw_binary_bytes: 2 });
  });

  it.each([
    ['model', { ...conditions, model: 'other' }],
    ['texts', { ...conditions, texts: 'def' }],
    ['extent', { ...conditions, quick: true }],
  ])('When a run has another %s, then the figures that are there are dropped as it begins', (_, other) => {
    begin().keep('hnsw', { bytes: 20 });
    expect(begin(all, other).missing).toEqual(all);
    expect(written()).toMatchObject({ conditions: other, figures: {} });
    expect(written().figures).toEqual({});
  });

  it('When the figures are of another commit, or of a time when none was noted with them, then they are dropped', () => {
    begin().keep('hnsw', { bytes: 20 });
    writeFileSync(file, JSON.stringify({ ...written(), commit: 'another' }));
    expect(begin().missing).toEqual(all);
    expect(written().figures).toEqual({});

    writeFigures(name, { hnsw_bytes: 20 });
    expect(begin().missing).toEqual(all);
    expect(written().figures).toEqual({});
  });
});
