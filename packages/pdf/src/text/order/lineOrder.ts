import type { DraftLine } from '../lines/draftLine';
import { orderBlocks } from './blockOrder';
import { orderColumns } from './columnOrder';
import { orderByPlace } from './placeOrder';

/** Lines of one text are at most this far apart, in font sizes. */
const maxDistance = 2.6;
/** A page with more turned lines keeps them as one text. */
const maxClustered = 400;

/**
 * Puts the lines of a page in reading order. Lines of each angle are ordered by themselves. Most of a page has one angle; a text at
 * another one, such as a stamp in the margin, comes as a whole after the line that it was drawn after.
 * @param lines In the order in which they were drawn. They are not changed.
 */
export function orderLines(lines: DraftLine[]): DraftLine[] {
  const groups = groupByAngle(lines);
  const [main, ...others] = groups;
  if (main === undefined || others.length === 0) {
    return orderOne(lines);
  }
  const turned = others.flatMap(clustersOf).map(orderOne);
  const ordered = orderOne(main);
  for (const cluster of turned) {
    const start = Math.min(...cluster.map(({ from }) => from));
    ordered.splice(placeAfter(ordered, start), 0, ...cluster);
  }
  return ordered;
}

/** The place behind the text of which the last line was drawn before the entry `start`. */
function placeAfter(ordered: readonly DraftLine[], start: number): number {
  let place = 0;
  let latest = -1;
  for (const [at, { from }] of ordered.entries()) {
    const continues = place === at && from < start;
    if (continues || (from < start && from > latest)) {
      latest = Math.max(latest, from);
      place = at + 1;
    }
  }
  return place;
}

function orderOne(lines: DraftLine[]): DraftLine[] {
  return orderColumns(orderByPlace(orderBlocks(lines)));
}

/** Groups the lines by their angle. The group with the most characters comes first. */
function groupByAngle(lines: readonly DraftLine[]): DraftLine[][] {
  const groups = new Map<number, { lines: DraftLine[]; characters: number }>();
  for (const line of lines) {
    const angle = line.direction * 10 + line.skew;
    let group = groups.get(angle);
    if (group === undefined) {
      group = { lines: [], characters: 0 };
      groups.set(angle, group);
    }
    group.lines.push(line);
    group.characters += line.text.length;
  }
  return [...groups.values()].sort((one, other) => other.characters - one.characters).map((group) => group.lines);
}

/** Divides turned lines into texts: lines that are near each other. Each is in the order of drawing. */
function clustersOf(lines: DraftLine[]): DraftLine[][] {
  if (lines.length > maxClustered) {
    return [lines];
  }
  const clusters: DraftLine[][] = [];
  for (const line of lines) {
    const near = clusters.filter((cluster) => cluster.some((other) => areNear(line, other)));
    const [first, ...rest] = near;
    if (first === undefined) {
      clusters.push([line]);
      continue;
    }
    for (const other of rest) {
      first.push(...other);
      clusters.splice(clusters.indexOf(other), 1);
    }
    first.push(line);
    first.sort((one, other) => one.from - other.from);
  }
  return clusters;
}

function areNear(one: DraftLine, other: DraftLine): boolean {
  const reach = maxDistance * Math.max(one.size, other.size);
  const gap = Math.max(one.left, other.left) - Math.min(one.right, other.right);
  return gap < reach && Math.abs(one.baseline - other.baseline) < reach;
}
