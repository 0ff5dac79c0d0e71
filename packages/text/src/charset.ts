import { TextDecoder } from 'node:util';

/** The encoding that a label stands for, as the WHATWG names it ("windows-1252" for "latin1"); null for an unknown one. */
export function encodingOf(label: string): string | null {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return null;
  }
}

/** The encoding that a content type names in its parameter charset; null where there is none or it is unknown. */
export function charsetOf(contentType: string): string | null {
  const [, label] = /;\s*charset\s*=\s*["']?([^\s"';]+)/i.exec(contentType) ?? [];
  return label === undefined ? null : encodingOf(label);
}
