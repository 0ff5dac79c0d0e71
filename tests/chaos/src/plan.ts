import type { Random } from './random';

/** The kinds of faults. */
export const faultKinds = [
  'kill-api',
  'kill-chunker',
  'kill-embedder',
  'kill-reconciler',
  'pause-embedder',
  'flush-redis',
  'crash-redis',
  'crash-postgres',
  'provider-limits-rate',
  'provider-fails',
  'provider-sends-garbage',
  'provider-sends-too-few',
  'provider-hangs',
  'clock-forward',
  'clock-back',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface PlannedFault {
  kind: FaultKind;
  /** Milliseconds since the beginning of the run. */
  at: number;
  /** How long the fault lasts. */
  lastsMs: number;
}

export interface PlannedUpload {
  /** The index of the document. */
  document: number;
  at: number;
}

export interface Plan {
  faults: PlannedFault[];
  uploads: PlannedUpload[];
}

export interface PlanOptions {
  random: Random;
  durationMs: number;
  documents: number;
  leaseMs: number;
  /** The time from one fault to the next. */
  gapMs: readonly [min: number, max: number];
}

/** The longest time that a provider hangs. */
const longestFaultMs = 30_000;

/** The time of the first fault. Work has begun by then. */
const firstFaultMs = 1_500;

/** Plans faults and uploads at random times. The same seed makes the same plan. */
export function makePlan(options: PlanOptions): Plan {
  const { random } = options;
  return { faults: planFaults(random.fork(), options), uploads: planUploads(random.fork(), options) };
}

/** Plans every kind of fault once before any kind comes again. */
function planFaults(random: Random, { durationMs, leaseMs, gapMs }: PlanOptions): PlannedFault[] {
  const faults: PlannedFault[] = [];
  let kinds: FaultKind[] = [];
  for (let at = firstFaultMs; at < durationMs; at += random.int(...gapMs)) {
    kinds = kinds.length > 0 ? kinds : random.shuffled(faultKinds);
    const kind = kinds.shift();
    if (kind) {
      faults.push({ kind, at, lastsMs: durationOf(random, kind, durationMs, leaseMs) });
    }
  }
  return faults;
}

function durationOf(random: Random, kind: FaultKind, runMs: number, leaseMs: number): number {
  if (kind.startsWith('provider-')) {
    if (kind === 'provider-hangs' && runMs >= 4 * longestFaultMs && random.chance(40)) {
      return longestFaultMs;
    }
    // Usually short: while the provider is away, the other faults find no work to interrupt.
    const longest = Math.min(longestFaultMs, Math.max(3_000, runMs / 8));
    return random.int(1_000, random.int(1_000, random.int(1_000, Math.round(longest))));
  }
  if (kind === 'pause-embedder') {
    return random.int(Math.round(leaseMs * 1.2), leaseMs * 2);
  }
  return kind.startsWith('clock-') || kind === 'flush-redis' ? 0 : random.int(100, 2_500);
}

/**
 * Plans uploads over almost the whole run. A quarter of the files come twice at the same moment, and some come again later.
 * Documents that share pages come together, so that two embedders want the same text at the same time.
 */
function planUploads(random: Random, { durationMs, documents }: PlanOptions): PlannedUpload[] {
  const lastAt = Math.round(durationMs * 0.95);
  const uploads: PlannedUpload[] = [];
  let at = 0;
  for (let document = 0; document < documents; document += 1) {
    // The first document comes at once, so that the first fault interrupts work.
    at = document === 0 || sharesPages(document) ? at : random.int(0, lastAt);
    uploads.push({ document, at });
    if (document === 0 || random.chance(25)) {
      uploads.push({ document, at });
    }
    if (random.chance(15)) {
      uploads.push({ document, at: random.int(at, lastAt) });
    }
  }
  return uploads.sort((a, b) => a.at - b.at);
}

/** True for a document that begins with the same pages as the one before it: every third. */
export function sharesPages(document: number): boolean {
  return document % 3 === 1;
}
