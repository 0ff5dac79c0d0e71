import { moveEnds } from '../src/readers/html/markupEnds';
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

  test.each([
    ['<div style="visibility:hidden">no<p style="VISIBILITY: visible">yes</p>no</div>'],
    ['<p style="visibility: collapse">no<img alt=no></p><ul style="visibility:hidden"><li>no</ul>yes'],
    ['<div style="display:none; display:block" hidden>yes</div><p style="display:none!important">no</p>'],
    ['<dialog>no</dialog><div popover>no</div><dialog open>yes</dialog>'],
    ['<template>no</template><template shadowrootmode=open>yes</template>'],
    ['<video>no</video><canvas>no</canvas><audio>no</audio><datalist><option>no</datalist>yes'],
    ['<details><summary>yes</summary></details>'],
  ])('then what a browser shows is read, as in %s', (content) => {
    expect(html(content)).toEqual(['yes']);
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

  test('then preformatted text keeps its lines and its white space', () => {
    expect(html('<pre>\none\n  two\r\n\tthree  x\n\n\nfour\n</pre>after')).toEqual([
      'one',
      '  two',
      '\tthree  x',
      '',
      'four',
      'after',
    ]);
    expect(html('<pre><code>a<br>  b<br><br>c</code></pre><pre><div>d</div><div>  e</div></pre>')).toEqual([
      'a',
      '  b',
      '',
      'c',
      '',
      'd',
      '  e',
    ]);
    expect(html('<div style="white-space: pre">a\n  b</div><ul><li><pre>x\n y</pre></ul>')).toEqual([
      'a',
      '  b',
      '',
      '• x',
      ' y',
    ]);
  });

  test('then soft hyphens and other invisible characters do not divide words', () => {
    const content =
      '<title>Wind\u00admill</title><h1>Wind&shy;mill</h1><p>in<wbr>side, foo\u2060bar, <b>wa\u00ad</b>ter, \uFEFFone';
    expect(html(content)).toEqual(['# Windmill', 'inside, foobar, water, one']);
    expect(read(content, 'text/html').title).toBe('Windmill');
  });

  test('then the page in a frame is read, if the page holds it and shows the frame', () => {
    expect(
      html(`a<iframe srcdoc="<title>T</title><h2>In</h2><p>text &amp;amp; more<iframe srcdoc='deep'></iframe>">old</iframe>b
        <iframe hidden srcdoc="no"></iframe><div style="display:none"><iframe srcdoc="no"></iframe></div>`),
    ).toEqual(['a', '## In', 'text & more', 'deep', 'b']);
    expect(html(`${'<iframe srcdoc="'.repeat(1_000)}x`)).toEqual([]);
  });

  test.each([
    ['an end tag in a comment in it', '<script><!-- <script>x</script> no --></script>yes'],
    ['a comment without an end', '<script><!-- no </script>yes'],
    ['an empty comment', '<script><!--><script></script>yes'],
    ['a comment around it', '<!-- <script> --><!-- <script></script> -->yes'],
    ['upper case and attributes', '<SCRIPT a="b"><!-- <Script\n>no</SCRIPT > no --></script>yes'],
    ['no comment', '<script>"<script>"</script>yes'],
  ])('and a script has %s, then it ends where browsers end it', (_what, content) => {
    expect(html(content)).toEqual(['yes']);
    expect([...moveEnds(content)].join('')).toBe([...moveEnds([content])].join(''));
  });

  test('and the bytes are not Unicode, then the declared encoding is used if it is known', () => {
    const mill = [0xec, 0xeb, 0xe8, 0xed]; // млин in windows-1251
    const declaring = (charset: string) => Buffer.from([...Buffer.from(`<meta charset="${charset}"><p>`), ...mill]);
    expect(html(declaring('windows-1251'))).toEqual(['млин']);
    expect(html(declaring('no-such'))).toEqual(['ìëèí']);
    expect(html('<meta charset="windows-1251"><p>Größe')).toEqual(['Größe']);
  });

  test('and a comment has an odd end, then it ends where browsers end it', () => {
    const content = 'a<!-->b<!--->c<!-- no --!>d<!--!> no -- no -->e<!-- no ->no<-- no -->f';
    expect(html(content)).toEqual(['abcdef']);
    expect([...moveEnds(content)].join('')).toBe([...moveEnds([content])].join(''));
  });

  test('then other elements with preformatted text are code', () => {
    expect(html('<xmp>\n  <b>a</b>\n    b</xmp><textarea>\nc\n  d</textarea>e')).toEqual([
      '  <b>a</b>',
      '    b',
      '',
      'c',
      '  d',
      'e',
    ]);
  });

  test('and the charset is declared late, then it is used', () => {
    const mill = Buffer.from([0xec, 0xeb, 0xe8, 0xed]);
    const late = (tag: string) =>
      Buffer.concat([Buffer.from(`<script>${'// <meta charset=x>'.repeat(500)}</script>${tag}<p>`), mill]);
    expect(html(late('<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">'))).toEqual(['млин']);
    expect(html(late('<meta name=x content="charset=koi8-r" http-equiv=refresh><meta charset=windows-1251>'))).toEqual([
      'млин',
    ]);
    expect(html(Buffer.concat([Buffer.from('<?xml version="1.0" encoding="windows-1251"?><p>'), mill]))).toEqual([
      'млин',
    ]);
  });

  test.each([
    'b',
    'div',
    'ul><li',
    'blockquote',
    'table><tr><td',
    'table',
    'pre',
    'dl><dd',
    'math><mrow',
    'span style="visibility:visible"',
  ])('and elements are nested without an end, as in <%s>, then the text in them is read', (tags) => {
    const start = process.cpuUsage();
    const [last, ...others] = html(`${`<${tags}>`.repeat(20_000)}deep`).reverse();
    expect(last?.replace('• ', '')).toBe('deep');
    expect(others).toEqual([]);
    expect(process.cpuUsage(start).user).toBeLessThan(5_000_000);
  });

  test('and elements are nested in an old encoding, then its name is looked for in less than five seconds', () => {
    const start = process.cpuUsage();
    expect(linesOf(Buffer.from(`${'<b>'.repeat(200_000)}caf\xe9`, 'latin1'), 'text/html')).toEqual(['café']);
    expect(process.cpuUsage(start).user).toBeLessThan(5_000_000);
  });

  test('and the file is cut off anywhere, then reading succeeds with the same result each time', () => {
    const content =
      '<html><body><table><tr><td>a</td><td title="x>y">b</td></tr></table><h1>c</h1><!-- d --><p>e&eacute;';
    for (let length = 0; length <= content.length; length++) {
      expect(html(content.slice(0, length))).toEqual(html(content.slice(0, length)));
    }
  });
});

describe('When HTML has styles of its own', () => {
  test.each([
    ['<div style="white-space: pre-wrap">if a:\n    b()\n\nc</div>', ['if a:', '    b()', '', 'c']],
    ['<div style="color: red; white-space:break-spaces">a\n  b</div>', ['a', '  b']],
    ['<p style="white-space: pre-wrap">One  paragraph.</p>', ['One paragraph.']],
    ['<p style="white-space: pre-line">a   b\n   c</p>', ['a b', 'c']],
    ['<pre style="white-space: normal">a\n  b</pre>', ['a b']],
    ['<pre style="white-space: pre-wrap">a  b</pre>', ['a  b']],
    ['<p style="white-space: nowrap">a\n  b</p>', ['a b']],
  ])('for white space (%s), then it is kept as a browser shows it', (content, lines) => {
    expect(html(content)).toEqual(lines);
  });

  test('that make elements blocks, then they are lines', () => {
    expect(html('<span style="display:block">a</span><span style="display: flex">b</span><b>c</b><i>d</i>')).toEqual([
      'a',
      'b',
      'cd',
    ]);
  });
});

test.each([
  ['<ol start=0><li>a<li>b</ol>', ['0. a', '1. b']],
  ['<ol start=-1><li>a<li>b</ol>', ['-1. a', '0. b']],
  ['<ol start=none><li>a</ol>', ['1. a']],
  ['<ol><li>a<li value=7>b<li>c<ol start=3><li>d</ol><li>e</ol>', ['1. a', '7. b', '8. c', '3. d', '9. e']],
  ['<ol reversed start=10><li>a<li>b<li value=2>c<li>d</ol>', ['10. a', '9. b', '2. c', '1. d']],
  // Where it begins is known only at its end.
  ['<ol reversed><li>a<li>b</ol>', ['• a', '• b']],
  ['<ol type=a start=26><li>a<li>b</ol>', ['z. a', 'aa. b']],
  ['<ol type=I><li value=1994>a</ol><ol style="list-style: upper-roman"><li>b</ol>', ['MCMXCIV. a', 'I. b']],
])('When a list counts in its own way (%s), then its items have the numbers that a browser shows', (content, lines) => {
  expect(html(content)).toEqual(lines);
});

test.each([
  [
    'Mill<sup>1</sup> has 10<sup>6</sup> grains on 3 m<sup>2</sup>, CO<sub>2</sub>.',
    'Mill¹ has 10⁶ grains on 3 m², CO2.',
  ],
  ['the 1<sup>st</sup> mill<sup><a href="#n1">[3]</a></sup> at 10<sup>-3</sup>', 'the 1st mill[3] at 10⁻³'],
])('When numbers are raised (%s), then they are no part of the word before', (content, line) => {
  expect(html(content)).toEqual([line]);
});

test.each([
  ['<ruby>漢<rt>かん</rt>字<rt>じ</rt></ruby>を', '漢字(かんじ)を'],
  ['<ruby>東京<rp>(</rp><rt>とうきょう</rt><rp>)</rp></ruby>', '東京(とうきょう)'],
  ['<table><tr><td><ruby>東<rt>ひがし</ruby><td>x</table>', '東(ひがし)\tx'],
  ['<ruby>明日<rt></rt></ruby>', '明日'],
  [`<ruby>明日<rt>${'あした'.repeat(70)}`, `明日${'あした'.repeat(70)}`],
])('When a word has a reading above it (%s), then the reading follows the word', (content, line) => {
  expect(html(content)).toEqual([line]);
});

test('When characters have no width, then words are whole, and letters join as in their script', () => {
  expect(html('super&#8203;cali&zwnj;fragi&#x200D;listic&lrm; &#x202B;x&#x202C;&#x2060;y a&ZeroWidthSpace; b')).toEqual(
    ['supercalifragilistic xy a b'],
  );
  expect(html('می&zwnj;خواهم ไทย&#8203;ไทย 👩&zwj;💻')).toEqual(['می\u200cخواهم ไทย\u200bไทย 👩\u200d💻']);
  expect(html(`ไทย${'&#8203;'.repeat(200_000)}ไทย`).join('')).toMatch(/^ไทย.*ไทย$/su);
});
