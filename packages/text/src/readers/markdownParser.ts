import MarkdownIt from 'markdown-it';

export type Token = ReturnType<MarkdownIt['parse']>[number];

/** Quotes and lists that are nested more deeply are read as text. This is the limit of markdown-it. */
const maxNesting = 100;
/** The mark of a quote or of a list item, at the beginning of a line. */
const mark = /[ \t]*(?:>|[-*+](?=[ \t]|$)|\d{1,9}[.)](?=[ \t]|$))/uy;
const footnote = /^\[\^[^\]\s]+\]:/u;

/** Parses CommonMark with tables. */
export function parseMarkdown(source: string): Token[] {
  return parser.parse(source, {});
}

const parser = newParser();

function newParser(): MarkdownIt {
  const markdown = new MarkdownIt({ html: true });
  keepDeepText(markdown);
  keepFootnotes(markdown);
  return markdown;
}

/** markdown-it leaves out blocks that are nested too deeply. They become a paragraph. */
function keepDeepText({ block }: MarkdownIt): void {
  const tokenize = block.tokenize.bind(block);
  block.tokenize = (state, startLine, endLine) => {
    if (state.level < maxNesting) {
      tokenize(state, startLine, endLine);
      return;
    }
    let line = startLine;
    while (line < endLine && (state.isEmpty(line) || (state.sCount[line] ?? 0) >= state.blkIndent)) {
      const content = withoutMarks(state.getLines(line, line + 1, 0, false)).trim();
      if (content !== '') {
        const token = state.push('inline', '', 0);
        token.content = content;
        token.children = [];
      }
      line++;
    }
    state.line = line;
  };
}

function withoutMarks(line: string): string {
  mark.lastIndex = 0;
  let end = 0;
  while (mark.test(line)) {
    end = mark.lastIndex;
  }
  return line.slice(end);
}

/** CommonMark has no footnotes. Without this rule, "[^1]: https://…" would name an address, which is not shown. */
function keepFootnotes({ block: { ruler } }: MarkdownIt): void {
  ruler.before('reference', 'footnote', (state, startLine, endLine, silent) => {
    const begin = (state.bMarks[startLine] ?? 0) + (state.tShift[startLine] ?? 0);
    const isCode = (state.sCount[startLine] ?? 0) - state.blkIndent >= 4;
    if (isCode || !footnote.test(state.src.slice(begin, state.eMarks[startLine]))) {
      return false;
    }
    const paragraph = ruler.getRules('').at(-1);
    return paragraph?.(state, startLine, endLine, silent) ?? false;
  });
}
