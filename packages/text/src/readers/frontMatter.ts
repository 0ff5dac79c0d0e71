/** Metadata before a Markdown document, between a line of three dashes and one of three dashes or dots. */
const frontMatter = /^---[ \t]*\n(?:([\s\S]*?)\n)??(?:---|\.\.\.)[ \t]*(?:\n|$)/;
const yamlKey = /^(?:[^\s:#-][^:]*:(?:\s|$)|"[^"]*"\s*:)/;
/** The other lines of YAML: an item of a list, the end of a list in brackets, and what is indented. */
const yamlLine = /^(?:-(?:\s|$)|[\]}]|\s+\S)/;

/**
 * Divides a Markdown source into the lines of its metadata and the document. What is between the dashes is metadata only
 * when it looks like YAML. Otherwise the dashes are rules, and what is between them is part of the document.
 */
export function splitFrontMatter(source: string): { metadata: string[]; document: string } {
  const [front = '', metadata = ''] = frontMatter.exec(source) ?? [];
  const lines = metadata.split('\n').filter((line) => line.trim() !== '');
  return looksLikeYaml(metadata)
    ? { metadata: lines, document: source.slice(front.length) }
    : { metadata: [], document: source };
}

/** True when there is a key and all other lines are YAML, and when there is nothing. */
function looksLikeYaml(metadata: string): boolean {
  let hasKey = false;
  let isAfterEmpty = false;
  for (const line of metadata.split('\n')) {
    const isEmpty = line.trim() === '';
    const isKey = yamlKey.test(line);
    // After an empty line, a line that begins with # is a heading rather than a comment.
    const isComment = line.startsWith('#') && !isAfterEmpty;
    if (!isEmpty && !isComment && !isKey && !yamlLine.test(line)) {
      return false;
    }
    hasKey ||= isKey;
    isAfterEmpty = isEmpty;
  }
  return hasKey || metadata.trim() === '';
}
