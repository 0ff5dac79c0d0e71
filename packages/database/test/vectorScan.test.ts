import type { VectorIndex, VectorIndexKind } from '../src';
import { planExactScan, planVectorScan, type WantedScan } from '../src/vectorIndex/scan';

const wanted: WantedScan = {
  query: 'query',
  signature: 'signature',
  dimensions: 768,
  limit: 10,
  effort: 1,
  filtered: true,
};
const index = (kind: VectorIndexKind, tableRows: number | null = 1_000_000, lists = 1_000): VectorIndex => ({
  name: kind,
  kind,
  valid: true,
  signatures: null,
  parameters: kind.startsWith('ivfflat') ? { lists } : { m: 12 },
  bytes: 1,
  tableRows,
  hiddenShare: 0,
});
const plan = (one: VectorIndex, changes: Partial<WantedScan> = {}) => planVectorScan([one], { ...wanted, ...changes });

test.each<[VectorIndexKind, number | null, Partial<WantedScan>, number]>([
  ['hnsw', 1_000_000, {}, 14_142],
  ['hnsw', 1_000_000, { limit: 100 }, 44_721],
  ['hnsw', 100_000, {}, 5_000],
  ['hnsw', 100_000, { effort: 4 }, 20_000],
  ['hnsw', null, {}, 5_000],
  ['hnsw_binary', 1_000_000, {}, 89_442],
  ['hnsw_binary', 1_000_000, { limit: 100 }, 100_000],
  ['hnsw_binary', 100_000, {}, 28_284],
  ['hnsw_binary', 0, {}, 8_000],
  ['ivfflat_binary', 1_000_000, {}, 16_000],
  ['ivfflat_binary', null, {}, 0],
])(
  'When %s is over %d rows and a search wants %j, then up to %d filtered rows are all compared',
  (kind, tableRows, changes, most) => {
    expect(Math.floor(plan(index(kind, tableRows), changes).maxExactRows)).toBe(most);
  },
);

test.each([
  [0, '400'],
  [0.01, '444'],
  [0.3, '629'],
  [0.9, '1000'],
])(
  'When a share of %d of the documents is hidden, then a scan for 400 candidates visits %s rows first',
  (hiddenShare, efSearch) => {
    const scan = planVectorScan([{ ...index('hnsw_binary'), hiddenShare }], wanted);
    expect(scan).toMatchObject({ candidates: 400, settings: { 'hnsw.ef_search': efSearch } });
  },
);

test('When no index is usable, then all vectors are compared', () => {
  for (const indexes of [[], [{ ...index('hnsw'), valid: false }]]) {
    expect(planVectorScan(indexes, wanted)).toEqual(planExactScan(wanted));
    expect(planVectorScan(indexes, wanted).exact).toBe(true);
  }
});

test.each<[VectorIndexKind, Partial<WantedScan>, object]>([
  ['hnsw', { effort: 1 }, { efSearch: '250', candidates: 10 }],
  ['hnsw', { effort: 0.1 }, { efSearch: '25', candidates: 10 }],
  ['hnsw', { effort: 10 }, { efSearch: '1000', candidates: 10 }],
  ['hnsw', { effort: 0.1, limit: 100 }, { efSearch: '25', candidates: 100 }],
  ['hnsw_binary', { effort: 1, limit: 100 }, { efSearch: '1000', candidates: 2_000 }],
  ['hnsw_binary', { effort: 0.1, limit: 50 }, { efSearch: '100', candidates: 100 }],
  ['hnsw_binary', { effort: 0.1, limit: 1 }, { efSearch: '40', candidates: 40 }],
  ['hnsw_binary', { effort: 10 }, { efSearch: '1000', candidates: 4_000 }],
  ['ivfflat_binary', { effort: 1 }, { probes: '64', candidates: 400 }],
  ['ivfflat_binary', { effort: 2 }, { probes: '127', candidates: 800 }],
  ['ivfflat_binary', { effort: 0.001 }, { probes: '1', candidates: 10 }],
  ['ivfflat_binary', { effort: 100 }, { probes: '1000', candidates: 40_000 }],
])('When %s is searched with %j, then the scan reaches %j', (kind, changes, expected) => {
  const { settings, candidates } = plan(index(kind), changes);
  const reach = { efSearch: settings['hnsw.ef_search'], probes: settings['ivfflat.probes'], candidates };
  expect(reach).toEqual({ efSearch: undefined, probes: undefined, ...expected });
});
