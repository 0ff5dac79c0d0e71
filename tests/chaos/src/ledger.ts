import { contentHashOf } from '@millrace/contracts';
import type { Fault } from './faults';
import type { ProviderCall } from './provider';

/** The time of the few statements between the claim of a text and its call, and between the answer and the commit. */
const marginMs = 1_000;

export interface LedgerOptions {
  calls: readonly ProviderCall[];
  faults: readonly Fault[];
  /** When the first vector of each text was committed, by the hash of what was embedded. */
  storedAt: ReadonlyMap<string, number>;
  /** The client hangs up after this time. */
  timeoutMs: number;
}

export interface Ledger {
  calls: number;
  /** Calls that were answered with vectors. */
  successful: number;
  /** Texts in successful calls. */
  paid: number;
  /** Texts paid for again because of a fault. */
  explained: number;
  /** Descriptions of the texts that were paid for again, or sent although stored, without a fault that explains it. */
  unexplained: string[];
}

/**
 * Checks for every text that it was not paid for more often than the faults explain. A second payment is explained when
 * something happened to the earlier call between the claim and the commit: its embedder was killed or stopped past its
 * lease, the database crashed and lost the claims of texts, a clock moved the deadlines, or the client hung up. Faults of
 * Redis explain nothing. Faults of the provider explain nothing either, because an embedder keeps an answer that it has.
 */
export function audit(options: LedgerOptions): Ledger {
  const ledger: Ledger = { calls: options.calls.length, successful: 0, paid: 0, explained: 0, unexplained: [] };
  const byText = new Map<string, ProviderCall[]>();
  for (const call of [...options.calls].sort((a, b) => a.at - b.at)) {
    if (call.answer === 'ok') {
      ledger.successful += 1;
      ledger.paid += call.texts.length;
    }
    for (const text of call.texts) {
      const hash = contentHashOf(text);
      byText.set(hash, [...(byText.get(hash) ?? []), call]);
    }
  }
  for (const [hash, calls] of byText) {
    auditText(hash, calls, options, ledger);
  }
  return ledger;
}

function auditText(hash: string, calls: readonly ProviderCall[], options: LedgerOptions, ledger: Ledger): void {
  const storedAt = options.storedAt.get(hash) ?? Number.POSITIVE_INFINITY;
  const used = new Set<Fault>();
  let paid: ProviderCall | undefined;
  for (const call of calls) {
    const isLate = call.at > storedAt;
    const isAgain = paid !== undefined && call.answer === 'ok';
    if (isLate || isAgain) {
      const reason = explain(paid, call, storedAt, options, used);
      if (reason) {
        ledger.explained += 1;
      } else {
        ledger.unexplained.push(describe(hash, calls, call, storedAt));
      }
    }
    if (call.answer === 'ok') {
      paid = call;
    }
  }
}

/** Finds the reason why the work of the earlier call was lost. A fault explains one call of each text. */
function explain(
  earlier: ProviderCall | undefined,
  again: ProviderCall,
  storedAt: number,
  { faults, timeoutMs }: LedgerOptions,
  used: Set<Fault>,
): Fault | 'gave up' | undefined {
  if (earlier?.hungUp && earlier.answeredAt - earlier.at > timeoutMs * 0.9) {
    return 'gave up';
  }
  const from = (earlier?.at ?? again.at) - marginMs;
  // A fault after the commit cannot lose the vector.
  const until = Math.min(again.at, storedAt + marginMs);
  const fault = faults.find(
    (candidate) =>
      !used.has(candidate) &&
      candidate.startedAt < until &&
      candidate.endedAt > from &&
      canLose(candidate, earlier, again),
  );
  if (fault) {
    used.add(fault);
  }
  return fault;
}

function canLose(fault: Fault, earlier: ProviderCall | undefined, again: ProviderCall): boolean {
  switch (fault.kind) {
    case 'crash-postgres':
    case 'clock-forward':
    case 'clock-back':
      return true;
    case 'kill-embedder':
      return fault.victim === earlier?.caller;
    case 'pause-embedder':
      return fault.victim === earlier?.caller || fault.victim === again.caller;
    default:
      return false;
  }
}

function describe(hash: string, calls: readonly ProviderCall[], call: ProviderCall, storedAt: number): string {
  const time = (moment: number) => (Number.isFinite(moment) ? new Date(moment).toISOString().slice(11, 23) : 'never');
  const history = calls.map(
    (each) =>
      `${each.caller} at ${time(each.at)}, ${each.answer} at ${time(each.answeredAt)}${each.hungUp ? ', hung up' : ''}`,
  );
  return `text ${hash.slice(0, 12)}, stored at ${time(storedAt)}, called again at ${time(call.at)}: ${history.join('; ')}`;
}
