import type { Token } from './markdownParser';

const commentEnd = '-->';

/**
 * Leaves out the tokens of a comment that begins in one block of HTML and ends in another. An empty line ends such a block
 * in Markdown, but not the comment. A comment without an end is no comment.
 */
export function* withoutComments(tokens: readonly Token[]): Generator<Token> {
  let end = -1;
  // Without it, each comment without an end would be searched for one to the end of the document.
  const lastEnd = tokens.findLastIndex(({ content }) => content.includes(commentEnd));
  for (const [index, token] of tokens.entries()) {
    if (index < end) {
      continue;
    }
    if (index === end) {
      endComment(token);
    }
    if (index < lastEnd && token.type === 'html_block' && isOpen(token.content)) {
      end = tokens.findIndex(({ content }, at) => at > index && content.includes(commentEnd));
    }
    yield token;
  }
}

/** Leaves the text after the comment. */
function endComment(token: Token): void {
  const end = token.content.indexOf(commentEnd) + commentEnd.length;
  token.content = token.content.slice(end);
  const child = token.children?.findIndex(({ content }) => content.includes(commentEnd)) ?? -1;
  token.children?.splice(0, Math.max(0, child));
  const [first] = token.children ?? [];
  if (child >= 0 && first !== undefined) {
    endComment(first);
  }
}

function isOpen(html: string): boolean {
  const begin = html.lastIndexOf('<!--');
  return begin >= 0 && !html.includes(commentEnd, begin);
}
