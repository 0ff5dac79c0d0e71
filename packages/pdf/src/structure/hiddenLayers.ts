import { Layers } from './layers';
import type { Structure } from './structure';
import { Dictionary, Name, Reference, type Value, write } from './values';

/** The key that marks a hidden group for the engine. No other program uses it. */
export const hiddenMark = 'MillraceHidden';
/** A file with more objects is read with all its layers. */
const maxObjects = 300_000;

const emptyForm = '<< /Type /XObject /Subtype /Form /BBox [0 0 0 0] /Length 0 >>\nstream\n\nendstream';
/** The flag 2 hides an annotation. */
const hiddenAnnotation = '<< /Type /Annot /Subtype /Popup /F 2 /Rect [0 0 0 0] >>';

/**
 * Makes an update of the file (ISO 32000-2, 7.5.6) for the engine, which reads the text of all layers and does not tell them
 * apart. In it, hidden groups have a mark of their own, forms on hidden layers are empty, and annotations on them are hidden.
 * @param fileSize The size of the file that the update follows.
 * @returns null when no layer is hidden.
 */
export function hiddenLayersUpdate(structure: Structure, fileSize: number): Buffer | null {
  if (!structure.catalog?.has('OCProperties') || structure.table.size > maxObjects) {
    return null;
  }
  const layers = new Layers(structure);
  const bodies = new Map<number, string>();
  for (const number of layers.hidesAny ? structure.numbers() : []) {
    const body = replacementOf(structure, layers, number);
    if (body !== null) {
      bodies.set(number, body);
    }
  }
  return bodies.size === 0 ? null : updateOf(structure, bodies, fileSize - structure.origin);
}

/** What stands for an object in the update; null when the object stays as it is. */
function replacementOf(structure: Structure, layers: Layers, number: number): string | null {
  const object = structure.object(number);
  if (!(object instanceof Dictionary)) {
    return null;
  }
  const type = structure.name(object.get('Type'));
  if (type === 'OCG' || type === 'OCMD') {
    return layers.isHidden(new Reference(number, 0)) ? `<< /Type /${type} /${hiddenMark} 1 >>` : null;
  }
  const layer = object.get('OC');
  if (layer === undefined || !layers.isHidden(layer)) {
    return null;
  }
  const subtype = structure.name(object.get('Subtype'));
  return subtype === 'Form' ? emptyForm : subtype === 'Image' ? null : hiddenAnnotation;
}

/** Writes the update with the kind of table that the file has. */
function updateOf(structure: Structure, bodies: ReadonlyMap<number, string>, start: number): Buffer {
  const { table } = structure;
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
  text += table.isStream ? streamTable(offsets, trailer, table.size, at) : plainTable(offsets, trailer, table.size);
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
