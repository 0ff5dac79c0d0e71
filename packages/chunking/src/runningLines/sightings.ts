import type { ChunkLine } from '../types';
import type { EdgeLine } from './pageEdges';

/** Lines with one key are the same running line when their sizes differ by at most this factor. */
const sameSize = 1.2;

/** An occurrence of a key at the edge of a page. */
export interface Sighting {
  /** The page's place in the order in which pages came. */
  position: number;
  y: number;
  fontSize: number;
  isBesideTable: boolean;
  isJoined: boolean;
}

/** Remembers which keys were seen at the edges of the pages around the current one. */
export class Sightings {
  private readonly byKey = new Map<string, Sighting[]>();

  /** @param reach How many pages before and after a page count as around it. */
  constructor(private readonly reach: number) {}

  add({ line, titleKey, numberKeys, isBesideTable, isJoined }: EdgeLine, position: number): void {
    const sighting = { position, y: line.y0, fontSize: line.fontSize, isBesideTable, isJoined };
    const titleKeys = titleKey === null ? [] : [titleKey];
    for (const key of [...titleKeys, ...numberKeys.strong, ...numberKeys.weak, ...numberKeys.bare]) {
      const others = this.byKey.get(key);
      if (others === undefined) {
        this.byKey.set(key, [sighting]);
        continue;
      }
      // Only the first sighting of each page and size is used.
      const last = others.at(-1);
      if (last?.position !== position || last.fontSize !== sighting.fontSize) {
        others.push(sighting);
      }
    }
  }

  /** The sightings of the key in the size of `line` on the pages around `position`, one for each page. */
  around(key: string, line: ChunkLine, position: number): Sighting[] {
    const found: Sighting[] = [];
    for (const sighting of this.byKey.get(key) ?? []) {
      const larger = Math.max(sighting.fontSize, line.fontSize);
      const isNear = sighting.position >= position - this.reach && sighting.position <= position + this.reach;
      if (
        isNear &&
        larger <= sameSize * Math.min(sighting.fontSize, line.fontSize) &&
        found.at(-1)?.position !== sighting.position
      ) {
        found.push(sighting);
      }
    }
    return found;
  }

  /** Forgets the sightings before `position`. It does so once in `reach` pages, which bounds memory and costs little. */
  forgetBefore(position: number): void {
    if (position % this.reach !== 0) {
      return;
    }
    for (const [key, sightings] of this.byKey) {
      const recent = sightings.filter((sighting) => sighting.position >= position);
      if (recent.length === 0) {
        this.byKey.delete(key);
      } else if (recent.length < sightings.length) {
        this.byKey.set(key, recent);
      }
    }
  }
}
