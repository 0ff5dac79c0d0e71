import type { Fault } from './faults';
import type { Ledger } from './ledger';
import { faultKinds } from './plan';

/** The result of a run. */
export interface Report {
  seed: number;
  /** Everything that is wrong. The run has passed when this is empty. */
  problems: string[];
  faults: readonly Fault[];
  /** The number of faults after which the work went on or was done. */
  recovered: number;
  /** The longest time from the end of a fault until the work went on. */
  longestRecovery: { ms: number; after: string };
  /** The time from the end of the last fault to the end of the last document. */
  lastDocumentAfterMs: number;
  /** The longest time in which work waited and nothing went on. */
  longestStandstill: { ms: number; from: number };
  /** Versions of one document, how many of them were found, and by how many searches. */
  editions: { uploaded: number; found: number; searches: number };
  /** Uploads into a collection that was deleted during the run. */
  deleted: { accepted: number; refused: number };
  documents: number;
  chunks: number;
  repeatedUploads: number;
  ledger: Ledger;
  /** The number of failed attempts by error code, and of all claims of chunks. */
  attempts: { failed: Record<string, number>; claims: number };
  seconds: { undisturbed: number; disturbed: number; total: number };
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Describes the report in lines for people. */
export function describeReport(report: Report): string {
  const { faults, ledger, attempts } = report;
  const byKind = faultKinds
    .map((kind) => ({ kind, count: faults.filter((fault) => fault.kind === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} ${kind}`);
  const failed = Object.entries(attempts.failed).map(([code, count]) => `${count} ${code}`);
  const rows: [string, string][] = [
    ['seed', String(report.seed)],
    [
      'documents, chunks',
      `${report.documents}, ${report.chunks}; ${report.repeatedUploads} uploads had to be repeated`,
    ],
    [
      'versions of one document',
      `${report.editions.uploaded}, of which ${report.editions.searches} searches found ${report.editions.found}`,
    ],
    ['uploads into a deleted collection', `${report.deleted.accepted} before, ${report.deleted.refused} refused`],
    ['faults injected', `${faults.length}: ${byKind.join(', ')}`],
    ['recovered', `${report.recovered} of ${faults.length}`],
    ['longest recovery', `${seconds(report.longestRecovery.ms)}, after ${report.longestRecovery.after}`],
    [
      'longest standstill',
      `${seconds(report.longestStandstill.ms)}, from ${new Date(report.longestStandstill.from).toISOString().slice(11, 19)}`,
    ],
    ['last document after the last fault', seconds(report.lastDocumentAfterMs)],
    ['provider calls', `${ledger.calls}, ${ledger.successful} of them answered; ${ledger.paid} texts paid for`],
    ['texts paid for again', `${ledger.explained} because of a fault, ${ledger.unexplained.length} without a reason`],
    ['claims of chunks', `${attempts.claims}; failed attempts: ${failed.join(', ') || 'none'}`],
    [
      'time',
      `${report.seconds.total.toFixed(0)} s: undisturbed run ${report.seconds.undisturbed.toFixed(0)} s, disturbed run ${report.seconds.disturbed.toFixed(0)} s`,
    ],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  const verdict =
    report.problems.length === 0
      ? 'passed: every document has its end, and nothing was lost, doubled or left behind'
      : `FAILED:\n${report.problems.map((problem) => `  ${problem.replaceAll('\n', '\n  ')}`).join('\n')}`;
  return `${rows.map(([what, value]) => `  ${what.padEnd(width)}  ${value}`).join('\n')}\n\n${verdict}`;
}
