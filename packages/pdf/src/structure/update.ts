import type { Structure } from './structure';
import { Dictionary, Name, type Value, write } from './values';

/**
 * Makes an update of the file (ISO 32000-2, 7.5.6) for the engine, with the kind of table that the file has.
 * @param bodies The new and replaced objects by their numbers.
 * @param fileSize The size of the file that the update follows.
 */
export function updateOf(structure: Structure, bodies: ReadonlyMap<number, string>, fileSize: number): Buffer {
  const { table } = structure;
  const start = fileSize - structure.origin;
  const size = [...bodies.keys()].reduce((most, number) => Math.max(most, number + 1), table.size);
  let text = '\n';
  const offsets = new Map<number, number>();
  for (const [number, body] of bodies) {
    offsets.set(number, start + text.length);
    text += `${number} 0 obj\n${body}\nendobj\n`;
  }
  const at = start + text.length;
  const trailer = new Dictionary();
  for (const key of ['Root', 'Encrypt', 'ID', 'Info']) {
    const value = table.trailer.get(key);
    if (value !== undefined) {
      trailer.set(key, value);
    }
  }
  trailer.set('Prev', table.start);
  text += table.isStream ? streamTable(offsets, trailer, size, at) : plainTable(offsets, trailer, size);
  return Buffer.from(`${text}startxref\n${at}\n%%EOF\n`, 'latin1');
}

function plainTable(offsets: ReadonlyMap<number, number>, trailer: Dictionary, size: number): string {
  const rows = [...offsets].map(([number, offset]) => `${number} 1\n${String(offset).padStart(10, '0')} 00000 n \n`);
  return `xref\n${rows.join('')}trailer\n${write(trailer.set('Size', size))}\n`;
}

/** The stream is an object of its own, and has a row for itself. */
function streamTable(offsets: ReadonlyMap<number, number>, trailer: Dictionary, size: number, at: number): string {
  const rows = [...offsets, [size, at] as const];
  const data = Buffer.alloc(rows.length * 5);
  rows.forEach(([, offset], index) => {
    data[index * 5] = 1;
    data.writeUInt32BE(offset, index * 5 + 1);
  });
  const entries: [string, Value][] = [
    ['Type', new Name('XRef')],
    ['Size', size + 1],
    ['W', [1, 4, 0]],
    ['Index', rows.flatMap(([number]) => [number, 1])],
    ['Length', data.length],
  ];
  for (const [key, value] of entries) {
    trailer.set(key, value);
  }
  return `${size} 0 obj\n${write(trailer)}\nstream\n${data.toString('latin1')}\nendstream\nendobj\n`;
}
