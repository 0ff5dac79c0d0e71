import type { ChunkLine, ChunkPage } from '../types';
import { type EdgeLine, edgeRows, edgesOf, type PageEdges } from './pageEdges';
import { type Sighting, Sightings } from './sightings';

/** How many pages before and after a page decide what is a running line on it. */
const reach = 8;
/** A running title is on at least this many pages in the same place, or on at least this many in any place. */
const minInPlace = 3;
const minAnywhere = 5;
/** A running title is also on this share of the pages from its first to its last. Left and right pages may differ. */
const minShare = 0.4;
/** The tolerance of the same place, as a fraction of the height. */
const samePlace = 0.02;

interface HeldPage {
  page: ChunkPage;
  edges: PageEdges;
}

/** A page without its running lines, and these lines. */
export interface CleanedPage {
  page: ChunkPage;
  leftOut: readonly ChunkLine[];
}

/**
 * Removes running headers, footers and page numbers from pages. What is a running line depends on the eight pages before
 * and after, so at most nine pages are held, however long the document is.
 */
export class RunningLines {
  private readonly sightings = new Sightings(reach);
  private readonly held: HeldPage[] = [];
  private position = 0;

  /** Takes the next page. Returns the oldest held page once the eight pages after it are known, else null. */
  add(page: ChunkPage): CleanedPage | null {
    const edges = edgesOf(page);
    for (const line of [...edges.top.flat(), ...edges.bottom.flat()]) {
      this.sightings.add(line, this.position);
    }
    this.held.push({ page, edges });
    this.position++;
    return this.held.length > reach ? this.next() : null;
  }

  /** Returns the next of the held pages; null when there are no more. Call it only after the last page. */
  next(): CleanedPage | null {
    const held = this.held.shift();
    if (held === undefined) {
      return null;
    }
    const position = this.position - this.held.length - 1;
    this.sightings.forgetBefore(position - reach);
    return this.clean(held, position);
  }

  private clean({ page, edges }: HeldPage, position: number): CleanedPage {
    const running = new Set([...this.runningAt(edges.top, position), ...this.runningAt(edges.bottom, position)]);
    const lines = running.size === 0 ? page.lines : page.lines.filter((line) => !running.has(line));
    // On a page that would lose all its text, the repeated lines are the content.
    if (running.size === 0 || lines.every(({ text }) => text.trim() === '')) {
      return { page, leftOut: [] };
    }
    return { page: { ...page, lines }, leftOut: page.lines.filter((line) => running.has(line)) };
  }

  /** The running lines of an edge. They end at the first row that contains anything else. */
  private runningAt(rows: readonly EdgeLine[][], position: number): ChunkLine[] {
    const running: EdgeLine[][] = [];
    for (const row of rows) {
      const found = row.filter((line) => this.hasPageNumber(line, position) || this.isTitle(line, position));
      running.push(found);
      if (found.length < row.length) {
        break;
      }
    }
    const hasPageNumber = (line: EdgeLine) => this.hasPageNumber(line, position);
    if (running.length === edgeRows && running.flat().length === rows.flat().length) {
      // Whole pages are repeated. Their lines are content.
      return running
        .flat()
        .filter(hasPageNumber)
        .map(({ line }) => line);
    }
    for (let inner = running.pop(); inner !== undefined; inner = running.pop()) {
      // A repeated line that the next row continues as a paragraph is content.
      const kept = inner.filter((line) => hasPageNumber(line) || !this.isMostly('isJoined', line, position));
      if (kept.length > 0) {
        return [...running.flat(), ...kept].map(({ line }) => line);
      }
    }
    return [];
  }

  private hasPageNumber({ line, numberKeys }: EdgeLine, position: number): boolean {
    const countOf = (key: string) => this.sightings.around(key, line, position).length;
    return (
      numberKeys.strong.some((key) => countOf(key) >= minInPlace) ||
      numberKeys.weak.some((key) => countOf(key) >= minAnywhere)
    );
  }

  private isTitle(edgeLine: EdgeLine, position: number): boolean {
    const seen = this.sightingsOf(edgeLine, position);
    const inPlace = seen.filter(({ y }) => Math.abs(y - edgeLine.line.y0) <= samePlace).length;
    if (inPlace < minInPlace && seen.length < minAnywhere) {
      return false;
    }
    const span = (seen.at(-1)?.position ?? position) - (seen[0]?.position ?? position) + 1;
    // The header of a table that continues over pages is always beside a table.
    return seen.length >= minShare * span && !this.isMostly('isBesideTable', edgeLine, position);
  }

  /** True when the property holds on most of the pages around that have the same line. */
  private isMostly(property: 'isJoined' | 'isBesideTable', edgeLine: EdgeLine, position: number): boolean {
    const seen = this.sightingsOf(edgeLine, position);
    return seen.filter((sighting) => sighting[property]).length * 2 > seen.length;
  }

  private sightingsOf({ line, titleKey }: EdgeLine, position: number): Sighting[] {
    return titleKey === null ? [] : this.sightings.around(titleKey, line, position);
  }
}
