import type { MonitoringResult } from '@millrace/database';

const widest = 100;

/** A query's result as lines for a terminal: its title, its columns and its rows. */
export function describeResult({ title, refusal, columns, rows }: MonitoringResult): string {
  const heading = `\n${title}`;
  if (refusal !== null) {
    return `${heading}\n  (${refusal})`;
  }
  if (rows.length === 0) {
    return `${heading}\n  (none)`;
  }
  const cells = [columns, ...rows.map((row) => columns.map((column) => (row[column] ?? '').slice(0, widest)))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  const lines = cells.map((line) => line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  '));
  return [heading, ...lines.map((line) => `  ${line}`.trimEnd())].join('\n');
}
