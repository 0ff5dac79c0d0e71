import { contentPdf } from '@millrace/test-support';
import type { TemporaryFolder } from './temporary';

export const riverText =
  'The mill stands where the river bends and has done so since the first settlers came up the valley in search of ' +
  'water that would turn a wheel all year. They dug a race along the slope, lined it with stone, and let the stream ' +
  'fall twelve feet onto the paddles below. In summer the water was low and the wheel turned slowly, yet it never ' +
  'stopped, and the miller kept his account of every sack in a book that his grandchildren still own today.';
export const engineText =
  'When steam came to the county, nobody at first believed that an engine could be cheaper than a river that asked ' +
  'for nothing. But coal arrived by rail, engines ran at night, and within a generation most of the wheels had been ' +
  'taken down for their iron. Those that were left ground flour for the farms nearby, or sawed timber, or drove the ' +
  'small dynamos that lit the first electric lamps in villages which no power line would reach for many years.';
export const museumText =
  'Today some of the old mills are museums where visitors may see how grain was lifted to the top of the house and ' +
  'came down again as flour. Others have been turned into homes, and a few produce electricity again, because water ' +
  'still asks for nothing. Whoever walks along the valley on a quiet day can hear the wheels before seeing them, as ' +
  'travellers did two hundred years ago, long before the road was built that now runs beside the river to the sea.';

/** A line of text and its place on the page in points, y upwards. A `turned` line runs upwards from there. */
export interface Placed {
  text: string;
  x: number;
  y: number;
  size?: number;
  turned?: boolean;
}

/** Breaks a text into lines of at most `length` characters. */
export function wrap(text: string, length: number): string[] {
  return text.match(new RegExp(`\\S.{0,${length - 1}}(?=\\s|$)`, 'gu')) ?? [];
}

/** A column of lines that are 12 points apart. */
export function column(lines: readonly string[], x: number, y = 700): Placed[] {
  return lines.map((text, index) => ({ text, x, y: y - 12 * index }));
}

/** The lines of all columns in the order of drawing row by row, each row from left to right. */
export function rowByRow(...columns: Placed[][]): Placed[] {
  return columns.flat().sort((one, other) => other.y - one.y || one.x - other.x);
}

/** Draws the lines in the given order and reads them. */
export async function linesOf(
  folder: TemporaryFolder,
  placed: readonly Placed[],
  options: { font?: string; map?: Record<string, string>; state?: string } = {},
) {
  const { font = 'F', map = {}, state = '' } = options;
  const content = placed.map(
    ({ text, x, y, size = 10, turned = false }) =>
      `BT ${state} /${font} ${size} Tf ${turned ? '0 1 -1 0' : '1 0 0 1'} ${x} ${y} Tm (${text}) Tj ET`,
  );
  return folder.open(contentPdf(content.join('\n'), { map }), (file) => file.readPage(1).lines);
}

export async function textsOf(folder: TemporaryFolder, placed: readonly Placed[]): Promise<string[]> {
  return (await linesOf(folder, placed)).map(({ text }) => text);
}

export const rivers = wrap(riverText, 46);
export const engines = wrap(engineText, 46);
