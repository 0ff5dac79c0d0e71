import type { OutlineEntry } from '@millrace/pdf';

/** The pages to read, cut where one does not follow the other: text never goes on over a page that is left out. */
export function pageRuns(pages: readonly number[] | null, pageCount: number): number[][] {
  const runs: number[][] = [];
  for (const page of pages ?? Array.from({ length: pageCount }, (_, index) => index + 1)) {
    const last = runs.at(-1);
    if (last?.at(-1) === page - 1) {
      last.push(page);
    } else {
      runs.push([page]);
    }
  }
  return runs;
}

/** The outline as a reader sees it who begins at `page`: what began before goes on there. */
export function outlineFrom(outline: readonly OutlineEntry[], page: number): OutlineEntry[] {
  return outline.map((entry) => (entry.page !== null && entry.page < page ? { ...entry, page } : entry));
}
