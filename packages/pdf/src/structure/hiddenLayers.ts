import { Layers } from './layers';
import type { Structure } from './structure';
import { Dictionary, Reference } from './values';

/** The key that marks a hidden group for the engine. No other program uses it. */
export const hiddenMark = 'MillraceHidden';
/** A file with more objects is read with all its layers. */
const maxObjects = 300_000;

const emptyForm = '<< /Type /XObject /Subtype /Form /BBox [0 0 0 0] /Length 0 >>\nstream\n\nendstream';
/** The flag 2 hides an annotation. */
const hiddenAnnotation = '<< /Type /Annot /Subtype /Popup /F 2 /Rect [0 0 0 0] >>';

/**
 * The objects that hide the layers which are switched off, because the engine reads the text of all layers and does not tell
 * them apart. Hidden groups get a mark of their own, forms on hidden layers become empty, and annotations on them are hidden.
 */
export function hiddenLayers(structure: Structure): Map<number, string> {
  if (!structure.catalog?.has('OCProperties') || structure.table.size > maxObjects) {
    return new Map();
  }
  const layers = new Layers(structure);
  const bodies = new Map<number, string>();
  for (const number of layers.hidesAny ? structure.numbers() : []) {
    const body = replacementOf(structure, layers, number);
    if (body !== null) {
      bodies.set(number, body);
    }
  }
  return bodies;
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
