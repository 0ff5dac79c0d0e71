import type { Block } from './blocks';
import type { ChunkLine, ChunkOutlineEntry, ChunkPage } from './types';

const SEPARATOR = ' > ';
const MAX_TITLE = 120;
const MAX_DEPTH = 6;

/** Names the section that blocks stand under. Pages come in order. */
export interface SectionNamer {
  /** The lines of the page that begin a section: they must begin a block. */
  startsOn(page: ChunkPage): ReadonlySet<number>;
  /** Sets `section` and `startsSection` of the page's blocks. */
  name(page: ChunkPage, blocks: readonly Block[], bodySize: number): void;
}

/** Names sections after the outline where there is one, else after the headings on the pages. */
export function sectionNamer(outline: readonly ChunkOutlineEntry[] | undefined): SectionNamer {
  return outline?.some((entry) => entry.page !== null) === true ? new OutlineNamer(outline) : new HeadingNamer();
}

interface PlacedEntry {
  path: string;
  key: string;
}

class OutlineNamer implements SectionNamer {
  private readonly entriesByPage = new Map<number, PlacedEntry[]>();
  private current: string | null = null;
  private marks = new Map<number, string>();

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

  startsOn(page: ChunkPage): ReadonlySet<number> {
    this.marks = new Map();
    const keys = page.lines.map((line) => keyOf(line.text));
    let from = 0;
    for (const { path, key } of this.entriesByPage.get(page.page) ?? []) {
      const found = findTitle(keys, key, from);
      // An entry whose heading is not found begins with its page, or with the entry before it.
      from = found ?? from;
      this.marks.set(from, path);
      this.entriesByPage.delete(page.page);
    }
    return new Set(this.marks.keys());
  }

  name(page: ChunkPage, blocks: readonly Block[]): void {
    const byLine = new Map<ChunkLine, string>();
    for (const [index, path] of this.marks) {
      const line = page.lines.slice(index).find(({ text }) => text.trim() !== '');
      if (line === undefined) {
        this.current = path;
      } else {
        byLine.set(line, path);
      }
    }
    for (const block of blocks) {
      const [first] = block.lines;
      const path = first === undefined ? undefined : byLine.get(first);
      block.startsSection = path !== undefined && path !== this.current;
      this.current = path ?? this.current;
      block.section = this.current;
    }
  }
}

/** The first line, from index `from`, with which the title begins; a title may go on over three lines. */
function findTitle(keys: readonly string[], title: string, from: number): number | null {
  if (title.length < 2) {
    return null;
  }
  for (let index = from; index < keys.length; index++) {
    const key = keys[index] ?? '';
    if (key === '') {
      continue;
    }
    if (key.startsWith(title)) {
      return index;
    }
    if (
      title.startsWith(key) &&
      keys
        .slice(index, index + 3)
        .join('')
        .startsWith(title)
    ) {
      return index;
    }
  }
  return null;
}

/** Letters and digits only: outlines and pages differ in spaces, dots and quotes. */
function keyOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}

/** Headings of running text's own size count only when they say that they are headings. */
const NAMED_HEADING =
  /^(?:(?:item|part|note|chapter|section|article|appendix|schedule|exhibit)\s+[\divxa-z]|\d+(?:\.\d+)+\.?\s|\d+\.\s)/iu;

class HeadingNamer implements SectionNamer {
  private stack: { weight: number; title: string }[] = [];

  startsOn(): ReadonlySet<number> {
    return new Set();
  }

  name(_page: ChunkPage, blocks: readonly Block[], bodySize: number): void {
    for (const block of blocks) {
      block.startsSection = block.heading && this.open(block, bodySize);
      block.section = this.stack.length === 0 ? null : pathOf(this.stack.map((entry) => entry.title));
    }
  }

  private open(block: Block, bodySize: number): boolean {
    const [first] = block.lines;
    const title = shorten(block.lines.map((line) => line.text).join(' '));
    const size = first?.fontSize ?? 0;
    const letters = title.match(/\p{L}/gu)?.length ?? 0;
    if (letters < 3 || (size < 1.15 * bodySize && !NAMED_HEADING.test(title))) {
      return false;
    }
    // A running header repeats the title of the part it stands in.
    if (this.stack.some((entry) => entry.title === title)) {
      return false;
    }
    const weight = Math.round(size * 2) + (first?.bold === true ? 0.5 : 0);
    this.stack = this.stack.filter((entry) => entry.weight > weight);
    this.stack.push({ weight, title });
    return true;
  }
}

function shorten(title: string): string {
  const plain = title.replace(/\s+/gu, ' ').trim();
  return plain.length <= MAX_TITLE
    ? plain
    : `${plain
        .slice(0, MAX_TITLE - 1)
        .toWellFormed()
        .trimEnd()}…`;
}

function pathOf(titles: readonly string[]): string {
  return titles.slice(0, MAX_DEPTH).join(SEPARATOR);
}
