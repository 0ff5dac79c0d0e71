import type { ChunkLine, ChunkOutlineEntry, ChunkPage } from '../types';
import type { Block } from './block';
import type { SectionNamer } from './sectionNamer';
import { pathOf, shortTitle } from './sectionPath';
import { findTitle, titleKeyOf } from './titleSearch';

/**
 * How many lines are compared with titles on one page: enough for a thousand titles on a thousand lines. Further titles
 * are not searched for. Broken files place ten thousand entries on one page.
 */
const maxComparisons = 1_000_000;

interface PlacedEntry {
  path: string | null;
  titleKey: string;
}

/** Names sections by the outline. A section begins at its heading, found on the entry's page, and ends at the next. */
export class OutlineSections implements SectionNamer {
  private readonly entriesByPage = new Map<number, PlacedEntry[]>();
  private current: string | null = null;
  private lastPage = 0;
  /** The lines of the current page at which sections begin, with their paths. */
  private pathByLine = new Map<number, string | null>();

  constructor(outline: readonly ChunkOutlineEntry[]) {
    const open: { level: number; title: string }[] = [];
    for (const { title, level, page } of outline) {
      while ((open.at(-1)?.level ?? 0) >= level) {
        open.pop();
      }
      open.push({ level, title: shortTitle(title) });
      if (page !== null) {
        const path = pathOf(open.map((entry) => entry.title));
        const entries = this.entriesByPage.get(page) ?? [];
        entries.push({ path, titleKey: titleKeyOf(title) });
        this.entriesByPage.set(page, entries);
      }
    }
  }

  blockStarts(page: ChunkPage): ReadonlyMap<number, boolean> {
    this.pathByLine = new Map();
    const starts = new Map<number, boolean>();
    const skipped = this.lastEntryOn({ from: this.lastPage + 1, to: page.page - 1 });
    this.lastPage = page.page;
    if (skipped !== undefined) {
      this.pathByLine.set(0, skipped.path);
      starts.set(0, false);
    }
    const entries = this.entriesByPage.get(page.page) ?? [];
    const keys = entries.length === 0 ? [] : page.lines.map((line) => titleKeyOf(line.text));
    let from = 0;
    let comparisonsLeft = maxComparisons;
    for (const { path, titleKey } of entries) {
      const found = comparisonsLeft > 0 ? findTitle({ lines: page.lines, keys, title: titleKey, from }) : null;
      comparisonsLeft -= keys.length - from;
      // When no heading is found, the section begins with the page or with the entry before it.
      from = found?.index ?? from;
      this.pathByLine.set(from, path);
      starts.set(from, found?.isWhole === true || starts.get(from) === true);
      if (found?.isWhole === true && !starts.has(from + found.lines)) {
        starts.set(from + found.lines, false);
      }
    }
    return starts;
  }

  /** Returns the last entry of the pages that were skipped, such as unreadable ones. The next page continues its section. */
  private lastEntryOn(pages: { from: number; to: number }): PlacedEntry | undefined {
    for (let page = pages.to; page >= pages.from; page--) {
      const entries = this.entriesByPage.get(page);
      if (entries !== undefined) {
        return entries.at(-1);
      }
    }
    return undefined;
  }

  setSections(page: ChunkPage, blocks: readonly Block[]): void {
    const pathByFirstLine = new Map<ChunkLine, string | null>();
    for (const [index, path] of this.pathByLine) {
      let at = index;
      while (page.lines[at]?.text.trim() === '') {
        at++;
      }
      const line = page.lines[at];
      if (line === undefined) {
        this.current = path;
      } else {
        pathByFirstLine.set(line, path);
      }
    }
    for (const block of blocks) {
      const [first] = block.lines;
      const path = first === undefined ? undefined : pathByFirstLine.get(first);
      this.current = path === undefined ? this.current : path;
      block.section = this.current;
    }
  }
}
