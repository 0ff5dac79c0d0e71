import { ShallowParser } from './shallowParser';

/**
 * Returns the label of the charset that the first meta tag with one declares, wherever it stands, or that an XML
 * declaration at the beginning names. Null when there is none.
 */
export function declaredCharset(texts: Iterable<string>): string | null {
  let label: string | null = null;
  const parser: ShallowParser = new ShallowParser({
    onopentag: (name, attributes) => {
      parser.enter();
      label ??= name === 'meta' ? charsetOfMeta(attributes) : null;
    },
    onclosetag: () => parser.leave(),
    onprocessinginstruction: (name, data) => {
      // Programs write "utf-8" into any file.
      label ??= name === '?xml' ? (/\bencoding\s*=\s*["'](?!utf-8)([\w-]+)["']/i.exec(data)?.[1] ?? null) : null;
    },
  });
  for (const text of texts) {
    parser.write(text);
    if (label !== null) {
      break;
    }
  }
  return label;
}

function charsetOfMeta(attributes: Record<string, string>): string | null {
  const { charset, content = '', 'http-equiv': httpEquiv = 'content-type' } = attributes;
  if (charset !== undefined && charset.trim() !== '') {
    return charset.trim();
  }
  const [, label] = /charset\s*=\s*["']?\s*([\w-]+)/i.exec(content) ?? [];
  return httpEquiv.trim().toLowerCase() === 'content-type' ? (label ?? null) : null;
}
