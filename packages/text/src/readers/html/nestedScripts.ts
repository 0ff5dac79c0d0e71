/** What decides where a script ends. The character after a tag's name is looked at, but not taken. */
const mark = /<!--|-->|<script(?=[\s/>])|<\/script(?=[\s/>])/gi;
/** The beginning of a mark at the end of a piece. It waits for the next piece. */
const unfinished = /(?:<[!/a-z-]{0,8}|--?)$/i;

type State = 'outside' | 'comment' | 'script' | 'escaped' | 'double escaped';

/**
 * Hides the end tags of scripts that are inside a comment in a script, where browsers do not end the script (the "double
 * escaped" state of the HTML standard). The parser ends a script at the first end tag.
 */
export function* hideNestedScripts(texts: Iterable<string>): Generator<string> {
  let state: State = 'outside';
  let rest = '';
  for (const text of texts) {
    const all = rest + text;
    const cut = unfinished.exec(all.slice(-9))?.[0].length ?? 0;
    // The two dashes of "<!--" may also begin the "-->" that ends the comment.
    let kept = '';
    let from = 0;
    mark.lastIndex = 0;
    for (let found = mark.exec(all); found !== null; found = mark.exec(all)) {
      const [token] = found;
      const next = stateAfter(state, token.toLowerCase());
      if (state === 'double escaped' && next === 'escaped') {
        kept += `${all.slice(from, found.index)}< /script`;
        from = found.index + token.length;
      }
      if (token === '<!--') {
        mark.lastIndex -= 2;
      }
      state = next;
    }
    const end = Math.max(from, all.length - cut);
    rest = all.slice(end);
    yield kept + all.slice(from, end);
  }
  yield rest;
}

function stateAfter(state: State, token: string): State {
  switch (state) {
    case 'outside':
      return token === '<!--' ? 'comment' : token === '<script' ? 'script' : 'outside';
    case 'comment':
      return token === '-->' ? 'outside' : 'comment';
    case 'script':
      return token === '<!--' ? 'escaped' : token === '</script' ? 'outside' : 'script';
    case 'escaped':
      return token === '-->'
        ? 'script'
        : token === '<script'
          ? 'double escaped'
          : token === '</script'
            ? 'outside'
            : 'escaped';
    case 'double escaped':
      return token === '-->' ? 'script' : token === '</script' ? 'escaped' : 'double escaped';
  }
}
