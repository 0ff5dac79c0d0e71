/** What decides where a script ends. The character after a tag's name is looked at, but not taken. */
const mark = /<!--|--!?>|<script(?=[\s/>])|<\/script(?=[\s/>])/gi;
/** The beginning of a mark at the end of a piece. It waits for the next piece. */
const unfinished = /(?:<[!/a-z-]{0,8}|--?!?)$/i;

type State = 'outside' | 'comment' | 'script' | 'escaped' | 'double escaped';

/**
 * Makes comments and scripts end for the parser where they end for browsers. "--!>" ends a comment, too. The end tag of a
 * script inside a comment in a script ends nothing (the "double escaped" state of the HTML standard).
 */
export function* moveEnds(texts: Iterable<string>): Generator<string> {
  let state: State = 'outside';
  let rest = '';
  for (const text of texts) {
    const all = rest + text;
    const cut = unfinished.exec(all.slice(-9))?.[0].length ?? 0;
    let kept = '';
    let from = 0;
    let begun = 0;
    mark.lastIndex = 0;
    for (let found = mark.exec(all); found !== null; found = mark.exec(all)) {
      const [token] = found;
      if (token === '--!>' && found.index < begun) {
        continue;
      }
      const next = stateAfter(state, token.toLowerCase());
      const isInnerEnd = state === 'double escaped' && next === 'escaped';
      if (isInnerEnd || (token === '--!>' && state === 'comment')) {
        kept += all.slice(from, found.index) + (isInnerEnd ? '< /script' : '-->');
        from = found.index + token.length;
      }
      if (token === '<!--') {
        // Its dashes may also be those of the "-->" that ends it.
        begun = mark.lastIndex;
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
      return token === '-->' || token === '--!>' ? 'outside' : 'comment';
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
