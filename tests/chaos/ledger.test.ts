import { contentHashOf } from '@millrace/contracts';
import type { Fault } from './src/faults';
import { audit } from './src/ledger';
import type { FaultKind } from './src/plan';
import type { ProviderCall } from './src/provider';

const text = 'The wheel turns.';

const call = (caller: string, at: number, changes: Partial<ProviderCall> = {}): ProviderCall => ({
  caller,
  texts: [text],
  at,
  answeredAt: at + 500,
  answer: 'ok',
  hungUp: false,
  ...changes,
});
const fault = (kind: FaultKind, startedAt: number, endedAt: number, victim?: string): Fault => ({
  kind,
  startedAt,
  endedAt,
  victim,
  detail: '',
});
const auditOf = (calls: ProviderCall[], faults: Fault[], storedAt: number) =>
  audit({ calls, faults, storedAt: new Map([[contentHashOf(text), storedAt]]), timeoutMs: 3_000 });

describe('The ledger of a chaos run', () => {
  test('When a text was paid for once and stored, then there is nothing to explain', () => {
    const failed = call('a', 1_000, { answer: 'provider-fails' });
    expect(auditOf([failed, call('a', 5_000)], [], 6_000)).toEqual({
      calls: 2,
      successful: 1,
      paid: 1,
      explained: 0,
      unexplained: [],
    });
  });

  test('When the embedder that had the text was killed, then a second payment is explained and a third is not', () => {
    const faults = [fault('kill-embedder', 10_400, 12_000, 'a')];
    expect(auditOf([call('a', 10_000), call('b', 14_000)], faults, 15_000)).toMatchObject({
      explained: 1,
      unexplained: [],
    });
    const third = auditOf([call('a', 10_000), call('b', 14_000), call('c', 18_000)], faults, 19_000);
    expect(third.explained).toBe(1);
    expect(third.unexplained).toHaveLength(1);
  });

  test.each([
    ['another embedder was killed', fault('kill-embedder', 10_400, 12_000, 'b')],
    ['the fault was over long before', fault('crash-postgres', 5_000, 7_000)],
    ['Redis was flushed', fault('flush-redis', 10_400, 10_400)],
    ['the provider failed in between', fault('provider-fails', 10_600, 12_000)],
  ])('When a text was paid for twice and only %s, then it is unexplained', (_, only) => {
    expect(auditOf([call('a', 10_000), call('b', 14_000)], [only], 15_000).unexplained).toHaveLength(1);
  });

  test.each(['crash-postgres', 'kill-embedder', 'clock-forward'] as const)(
    'When a text is paid for again and %s came only after it was stored, then it is unexplained',
    (kind) => {
      const late = fault(kind, 50_000, 52_000, 'a');
      expect(auditOf([call('a', 10_000), call('b', 60_000)], [late], 11_000).unexplained).toHaveLength(1);
    },
  );

  test('When a text is sent after it was stored, then it is unexplained even if the call fails', () => {
    const late = call('b', 20_000, { answer: 'provider-hangs' });
    expect(auditOf([call('a', 10_000), late], [], 11_000).unexplained).toHaveLength(1);
  });
});
