import type { Bytes } from './objectTable';
import { Structure } from './structure';
import { Dictionary, Name, type Value } from './values';

/** Names of the predefined encodings of Chinese, Japanese and Korean (ISO 32000-2, table 116). */
const predefined = /^(?!Identity-)[A-Za-z0-9-]*[A-Za-z0-9]-[HV]$/;
/** The objects of a larger file are not looked at. */
const maxObjects = 300_000;

/** True when a font of the file has a predefined encoding, and when that cannot be told. */
export function mayHavePredefinedEncoding(file: Bytes): boolean {
  const structure = Structure.open(file);
  if (structure === null || structure.isEncrypted || structure.table.size > maxObjects) {
    return true;
  }
  return structure.numbers().some((number) => namesEncoding(structure.object(number)));
}

/** Fonts may also be written within the resources of a page. */
function namesEncoding(value: Value): boolean {
  if (Array.isArray(value)) {
    return value.some(namesEncoding);
  }
  if (!(value instanceof Dictionary)) {
    return false;
  }
  const encoding = value.get('Encoding');
  return (encoding instanceof Name && predefined.test(encoding.text)) || [...value.values()].some(namesEncoding);
}
