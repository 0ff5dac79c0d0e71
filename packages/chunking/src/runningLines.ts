import { type EdgeLine, type Edges, edgeRows, edgesOf } from './edgeLines';
import type { ChunkLine, ChunkPage } from './types';

/** How many pages before and after a page are looked at to tell what runs through it. */
const reach = 8;
/** A running line is on this many pages in the same place, or on that many in any. */
const minInPlace = 3;
const minAnywhere = 5;
/** ... and on this share of the pages from its first to its last: left and right pages may differ. */
const minShare = 0.4;
const samePlace = 0.02;
const sameSize = 1.2;

interface Sighting {
  /** Counts pages as they come. */
  turn: number;
  y: number;
  fontSize: number;
  besideTable: boolean;
  joined: boolean;
}

interface HeldPage {
  page: ChunkPage;
  edges: Edges;
}

/** A page without its running lines, and those. */
export interface CleanedPage {
  page: ChunkPage;
  leftOut: readonly ChunkLine[];
}

/**
 * Takes running headers, footers and page numbers out of pages. What is one depends on the pages at most reach before
 * and after; so many are held, however long the document is.
 */
export class RunningLines {
  private readonly sightings = new Map<string, Sighting[]>();
  private readonly held: HeldPage[] = [];
  private turn = 0;

  /** Takes the next page; gives the one that can now be told, if there is one. */
  add(page: ChunkPage): CleanedPage | null {
    const edges = edgesOf(page);
    for (const edge of [edges.top, edges.bottom]) {
      for (const line of edge.flat()) {
        this.note(line);
      }
    }
    this.held.push({ page, edges });
    this.turn++;
    return this.held.length > reach ? this.next() : null;
  }

  /** Gives the next of the pages that are still held; null when there is none. Call it after the last page only. */
  next(): CleanedPage | null {
    const held = this.held.shift();
    if (held === undefined) {
      return null;
    }
    const turn = this.turn - this.held.length - 1;
    this.forget(turn - reach);
    return this.clean(held, turn);
  }

  private note({ line, text, numbered, perhapsNumbered, alone, besideTable, joined }: EdgeLine): void {
    const sighting = { turn: this.turn, y: line.y0, fontSize: line.fontSize, besideTable, joined };
    for (const key of [...(text === null ? [] : [text]), ...numbered, ...perhapsNumbered, ...alone]) {
      const others = this.sightings.get(key);
      if (others === undefined) {
        this.sightings.set(key, [sighting]);
        continue;
      }
      // Only the first of a page and size is ever looked at.
      const last = others.at(-1);
      if (last?.turn !== sighting.turn || last.fontSize !== sighting.fontSize) {
        others.push(sighting);
      }
    }
  }

  /** Forgets what was seen before `turn`. */
  private forget(turn: number): void {
    if (turn % reach !== 0) {
      return;
    }
    for (const [key, sightings] of this.sightings) {
      const recent = sightings.filter((sighting) => sighting.turn >= turn);
      if (recent.length === 0) {
        this.sightings.delete(key);
      } else if (recent.length < sightings.length) {
        this.sightings.set(key, recent);
      }
    }
  }

  private clean({ page, edges }: HeldPage, turn: number): CleanedPage {
    const running = new Set([...this.runningAt(edges.top, turn), ...this.runningAt(edges.bottom, turn)]);
    const lines = running.size === 0 ? page.lines : page.lines.filter((line) => !running.has(line));
    // A page that would lose everything is no frame around a text: it is the text.
    if (running.size === 0 || lines.every(({ text }) => text.trim() === '')) {
      return { page, leftOut: [] };
    }
    return { page: { ...page, lines }, leftOut: page.lines.filter((line) => running.has(line)) };
  }

  /** The running lines of an edge: those of its outer rows, as far as rows hold nothing else. */
  private runningAt(rows: readonly EdgeLine[][], turn: number): ChunkLine[] {
    const running: EdgeLine[][] = [];
    for (const row of rows) {
      const found = row.filter((line) => this.isPageNumber(line, turn) || this.isTitle(line, turn));
      running.push(found);
      if (found.length < row.length) {
        break;
      }
    }
    const isPageNumber = (line: EdgeLine) => this.isPageNumber(line, turn);
    if (running.length === edgeRows && running.flat().length === rows.flat().length) {
      // Whole pages come again: that is text.
      return running
        .flat()
        .filter(isPageNumber)
        .map(({ line }) => line);
    }
    for (let inner = running.pop(); inner !== undefined; inner = running.pop()) {
      // What goes on as the lines of a paragraph do is text.
      const kept = inner.filter((line) => isPageNumber(line) || !this.isMostly('joined', line, turn));
      if (kept.length > 0) {
        return [...running.flat(), ...kept].map(({ line }) => line);
      }
    }
    return [];
  }

  private isPageNumber({ line, numbered, perhapsNumbered }: EdgeLine, turn: number): boolean {
    return (
      numbered.some((key) => this.around(key, line, turn).length >= minInPlace) ||
      perhapsNumbered.some((key) => this.around(key, line, turn).length >= minAnywhere)
    );
  }

  private isTitle({ line, text }: EdgeLine, turn: number): boolean {
    const seen = text === null ? [] : this.around(text, line, turn);
    const inPlace = seen.filter(({ y }) => Math.abs(y - line.y0) <= samePlace).length;
    if (inPlace < minInPlace && seen.length < minAnywhere) {
      return false;
    }
    const span = (seen.at(-1)?.turn ?? turn) - (seen[0]?.turn ?? turn) + 1;
    // The head of a table that goes on over pages always stands at a table.
    return seen.length >= minShare * span && !this.isMostly('besideTable', { line, text }, turn);
  }

  /** True when this is so on most of the pages around that have the same text. */
  private isMostly(
    what: 'besideTable' | 'joined',
    { line, text }: Pick<EdgeLine, 'line' | 'text'>,
    turn: number,
  ): boolean {
    const seen = text === null ? [] : this.around(text, line, turn);
    return seen.filter((sighting) => sighting[what]).length * 2 > seen.length;
  }

  /** Where the same was seen on the pages around, once for each page. */
  private around(key: string, line: ChunkLine, turn: number): Sighting[] {
    const found: Sighting[] = [];
    for (const sighting of this.sightings.get(key) ?? []) {
      const larger = Math.max(sighting.fontSize, line.fontSize);
      const near = sighting.turn >= turn - reach && sighting.turn <= turn + reach;
      if (
        near &&
        larger <= sameSize * Math.min(sighting.fontSize, line.fontSize) &&
        found.at(-1)?.turn !== sighting.turn
      ) {
        found.push(sighting);
      }
    }
    return found;
  }
}
