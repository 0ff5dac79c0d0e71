import { documentErrors } from './documentErrors';
import type { ErrorEntry } from './entry';
import { requestErrors } from './requestErrors';
import { workErrors } from './workErrors';

const groups: readonly [title: string, codes: Readonly<Record<string, ErrorEntry>>][] = [
  ['Requests and uploads', requestErrors],
  ['Documents and their pages', documentErrors],
  ['Work, and what it depends on', workErrors],
];

const begin = '<!-- error codes -->\n';
const end = '<!-- end of the error codes -->\n';

/** Returns a Markdown document with tables of all error codes between its two marks. @throws Error when it lacks a mark. */
export function withErrorReference(document: string): string {
  const [before, rest] = document.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) {
    throw new Error(`The document lacks the marks ${begin.trim()} and ${end.trim()}.`);
  }
  return `${before}${begin}${groups.map(tableOf).join('')}\n${end}${after}`;
}

function tableOf([title, codes]: (typeof groups)[number]): string {
  const rows = Object.entries(codes).map(
    ([code, entry]) =>
      `| \`${code}\` | ${entry.status} | ${entry.retryable ? 'yes' : 'no'} | ${entry.title}. ${entry.advice} |\n`,
  );
  return `\n### ${title}\n\n| Code | Status | \`retryable\` | Meaning, and what to do |\n| --- | --- | --- | --- |\n${rows.join('')}`;
}
