import { TextDecoder } from 'node:util';
import { utf32Of } from './utf32';

/**
 * Returns the name of the encoding that a label has in the WHATWG Encoding Standard, such as "windows-1252" for "latin1".
 * UTF-32, which is not in that standard, is known too. Returns null for an unknown label.
 */
export function encodingOf(label: string): string | null {
  try {
    return utf32Of(label) ?? new TextDecoder(label).encoding;
  } catch {
    return null;
  }
}

/** The encoding that the charset parameter of a content type names. Null when it has none or an unknown one. */
export function charsetOf(contentType: string): string | null {
  const [, label] = /;\s*charset\s*=\s*["']?([^\s"';]+)/i.exec(contentType) ?? [];
  return label === undefined ? null : encodingOf(label);
}
