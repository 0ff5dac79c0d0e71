import { linesOf, read } from './read';

const html = (content: string | Buffer) => linesOf(content, 'text/html');

describe('When HTML is read', () => {
  test('then headings, paragraphs and the title are found, and scripts and SVG drawings are left out', () => {
    const content = `<!DOCTYPE html><html><head><title> The
      Mill </title><style>p { color: red }</style><script>if (a < b) { no() }</script></head>
      <body><nav><a href="/">Home</a></nav><h1>The <em>mill</em></h1><p>It &amp; the
      river.<p>Second<br>line</p><!-- hidden --><noscript>no</noscript><svg><title>drawing</title></svg>
      <footer>End</footer></body></html>`;
    expect(html(content)).toEqual(['# The mill', 'It & the river.', 'Second', 'line', 'End']);
    expect(read(content, 'text/html').title).toBe('The Mill');
  });

  test('and optional tags are missing, then all text is read', () => {
    expect(html('<title>T</title><head><body><h2>A<h3>B</h3>text<li>one<li>two')).toEqual([
      '## A',
      '### B',
      'text',
      '• one',
      '• two',
    ]);
    expect(html('plain words')).toEqual(['plain words']);
  });

  test('then hidden elements are left out, and the text after them is read', () => {
    expect(
      html(`<body style="display:none"><div style="display:none"><ix:header><ix:hidden>0001018724</ix:hidden>
        <div>2024-12-31</div></ix:header></div><p>Shown</p><ix:header><p>facts</p></ix:header><p hidden>Not
        <p>Shown, too<input hidden>!</p><div hidden><div>Not</div>Not</div><span style="color: red; Display : None">Not</span>
        <p style="display:block">Seen <ix:nonFraction>12</ix:nonFraction></p>`),
    ).toEqual(['Shown', 'Shown, too!', 'Seen 12']);
  });

  test('and the title has no end tag, then the text after the title is read', () => {
    const titleOf = (content: string) => read(content, 'text/html').title;
    const short = '<head><title>Mills & more<meta charset=utf-8></head><body><h1>Mill</h1><p>It turns.';
    const drawing = `${short}<svg><title>drawing</title></svg><p>End.`;
    const long = `${short}${'<p>It turns.'.repeat(10_000)}<title>other</title><p>End.`;
    expect(html(short)).toEqual(['# Mill', 'It turns.']);
    expect(html(drawing)).toEqual(['# Mill', 'It turns.', 'End.']);
    expect(html(long)).toHaveLength(10_003);
    expect([short, drawing, long].map(titleOf)).toEqual(Array(3).fill('Mills & more'));
    expect(titleOf('<title>Only')).toBe('Only');
    expect(titleOf('<title>'.repeat(50_000))).toBeNull();
  });

  test('and the title is very long, then the title is cut', () => {
    const content = `<title>${'mill '.repeat(500)}</title><p>Text`;
    expect(html(content)).toEqual(['Text']);
    expect(read(content, 'text/html').title).toHaveLength(999);
  });

  test('then lists have markers and numbers', () => {
    expect(html('<ul><li>a<ol start=3><li>b</li><li><p>c</p></li></ol></li><li>d</li></ul>')).toEqual([
      '• a',
      '3. b',
      '4. c',
      '• d',
    ]);
  });

  test('then each row of a table becomes one line, and each block in a layout table becomes its own line', () => {
    expect(
      html('<table><caption>Sales</caption><tr><th>Year<th>Sum<tr><td>2023<td><p>1,</p><p>200</p></table>after'),
    ).toEqual(['Sales', 'Year\tSum', '2023\t1, 200', 'after']);
    expect(html('<table><tr><td><h2>Head</h2><p>One.</p><p>Two.</p><table><tr><td>a<td>b</table></table>')).toEqual([
      '## Head',
      'One.',
      'Two.',
      'a\tb',
    ]);
  });

  test('then preformatted text keeps its lines', () => {
    expect(html('<pre>one\n  two\n\nthree</pre>')).toEqual(['one', 'two', 'three']);
  });

  test('and the bytes are not Unicode, then the declared encoding is used if it is known', () => {
    const mill = [0xec, 0xeb, 0xe8, 0xed]; // млин in windows-1251
    const declaring = (charset: string) => Buffer.from([...Buffer.from(`<meta charset="${charset}"><p>`), ...mill]);
    expect(html(declaring('windows-1251'))).toEqual(['млин']);
    expect(html(declaring('no-such'))).toEqual(['ìëèí']);
    expect(html('<meta charset="windows-1251"><p>Größe')).toEqual(['Größe']);
  });

  test('and elements are nested too deeply, then reading fails with TEXT_UNREADABLE', () => {
    expect(() => html('<b>'.repeat(1_000_000))).toThrow(expect.objectContaining({ code: 'TEXT_UNREADABLE' }));
    expect(html(`${'<b>'.repeat(10_000)}deep`)).toEqual(['deep']);
  });

  test('and the file is cut off anywhere, then reading succeeds with the same result each time', () => {
    const content =
      '<html><body><table><tr><td>a</td><td title="x>y">b</td></tr></table><h1>c</h1><!-- d --><p>e&eacute;';
    for (let length = 0; length <= content.length; length++) {
      expect(html(content.slice(0, length))).toEqual(html(content.slice(0, length)));
    }
  });
});
