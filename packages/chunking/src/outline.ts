import type { Block } from './blocks';
import { pathOf, type SectionNamer, shorten } from './paths';
import type { ChunkLine, ChunkOutlineEntry, ChunkPage } from './types';

/** A heading on a page may go on over so many lines. */
const maxLines = 4;
/**
 * Lines that are looked at for the titles of one page, over and over: a thousand titles on a thousand lines. Those left
 * after that are not looked for; broken files put ten thousand entries on one page.
 */
const maxLookedAt = 1_000_000;

interface PlacedEntry {
  path: string | null;
  key: string;
}

/** Names sections after the outline: each goes from its heading, found on its page, to the next. */
export class OutlineNamer implements SectionNamer {
  private readonly entriesByPage = new Map<number, PlacedEntry[]>();
  private current: string | null = null;
  private lastPage = 0;
  private marks = new Map<number, string | null>();

  constructor(outline: readonly ChunkOutlineEntry[]) {
    const stack: { level: number; title: string }[] = [];
    for (const { title, level, page } of outline) {
      while ((stack.at(-1)?.level ?? 0) >= level) {
        stack.pop();
      }
      stack.push({ level, title: shorten(title) });
      if (page !== null) {
        const path = pathOf(stack.map((entry) => entry.title));
        const entries = this.entriesByPage.get(page) ?? [];
        entries.push({ path, key: keyOf(title) });
        this.entriesByPage.set(page, entries);
      }
    }
  }

  startsOn(page: ChunkPage): ReadonlyMap<number, boolean> {
    this.marks = new Map();
    const starts = new Map<number, boolean>();
    const passed = this.lastOf({ from: this.lastPage + 1, to: page.page - 1 });
    this.lastPage = page.page;
    if (passed !== undefined) {
      this.marks.set(0, passed.path);
      starts.set(0, false);
    }
    const entries = this.entriesByPage.get(page.page) ?? [];
    const keys = entries.length === 0 ? [] : page.lines.map((line) => keyOf(line.text));
    let from = 0;
    let left = maxLookedAt;
    for (const { path, key } of entries) {
      const found = left > 0 ? findTitle(page.lines, keys, key, from) : null;
      left -= keys.length - from;
      // An entry whose heading is not found begins with its page, or with the entry before it.
      from = found?.index ?? from;
      this.marks.set(from, path);
      starts.set(from, found?.whole === true || starts.get(from) === true);
      if (found?.whole === true && !starts.has(from + found.lines)) {
        starts.set(from + found.lines, false);
      }
    }
    return starts;
  }

  /** The last entry of the pages that did not come, as those that cannot be read: its section goes on after them. */
  private lastOf(pages: { from: number; to: number }): PlacedEntry | undefined {
    for (let page = pages.to; page >= pages.from; page--) {
      const entries = this.entriesByPage.get(page);
      if (entries !== undefined) {
        return entries.at(-1);
      }
    }
    return undefined;
  }

  name(page: ChunkPage, blocks: readonly Block[]): void {
    const byLine = new Map<ChunkLine, string | null>();
    for (const [index, path] of this.marks) {
      let at = index;
      while (page.lines[at]?.text.trim() === '') {
        at++;
      }
      const line = page.lines[at];
      if (line === undefined) {
        this.current = path;
      } else {
        byLine.set(line, path);
      }
    }
    for (const block of blocks) {
      const [first] = block.lines;
      const path = first === undefined ? undefined : byLine.get(first);
      this.current = path === undefined ? this.current : path;
      block.section = this.current;
    }
  }
}

interface FoundTitle {
  index: number;
  lines: number;
  /** True when nothing else stands on those lines. */
  whole: boolean;
}

/**
 * Where the title stands, from line `from` on: preferably alone on its lines and in bold, else at the beginning of a
 * line. Null when it is nowhere.
 */
function findTitle(
  lines: readonly ChunkLine[],
  keys: readonly string[],
  title: string,
  from: number,
): FoundTitle | null {
  let whole: FoundTitle | null = null;
  let partial: FoundTitle | null = null;
  if (title.length < 2) {
    return null;
  }
  for (let index = from; index < keys.length; index++) {
    const key = keys[index] ?? '';
    if (key === '') {
      continue;
    }
    if (key.startsWith(title) && key !== title) {
      partial ??= { index, lines: 1, whole: false };
    } else if (title.startsWith(key)) {
      const count = linesOf(keys, title, index);
      if (count > 0 && (whole === null || lines[index]?.bold === true)) {
        whole = { index, lines: count, whole: true };
        if (lines[index]?.bold === true) {
          return whole;
        }
      }
    }
  }
  return whole ?? partial;
}

/** How many lines from `index` on are the title and nothing else; 0 when they are not. */
function linesOf(keys: readonly string[], title: string, index: number): number {
  let text = '';
  for (let count = 1; count <= maxLines && index + count <= keys.length; count++) {
    text += keys[index + count - 1] ?? '';
    if (text === title) {
      return count;
    }
    if (!title.startsWith(text)) {
      return 0;
    }
  }
  return 0;
}

/** Letters and digits only: outlines and pages differ in spaces, dots and quotes. */
function keyOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}
