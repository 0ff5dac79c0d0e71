import type { MonitoringResult } from '@millrace/database';

const maxWidth = 100;

/** Formats the result of a query for a terminal: its title, its columns and its rows. */
export function describeResult({ title, refusal, columns, rows }: MonitoringResult): string {
  if (refusal !== null || rows.length === 0) {
    return `\n${title}\n  (${refusal ?? 'none'})`;
  }
  const cells = [columns, ...rows.map((row) => columns.map((column) => (row[column] ?? '').slice(0, maxWidth)))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  const lines = cells.map((line) => line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  '));
  return [`\n${title}`, ...lines.map((line) => `  ${line}`.trimEnd())].join('\n');
}
