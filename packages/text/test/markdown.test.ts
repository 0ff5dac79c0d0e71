import { linesOf, read } from './read';

const markdown = (content: string) => linesOf(content, 'text/markdown');

describe('When Markdown is read', () => {
  test('then headings have their level, and text has no markup', () => {
    expect(
      markdown(
        '# The *Mill*\n\nA **bold** [word](http://x.y/z) and `code`\nover lines.\n\nSecond\n------\n\n![A wheel](w.png) turns &amp; turns.',
      ),
    ).toEqual(['# The Mill', 'A bold word and code over lines.', '## Second', 'A wheel turns & turns.']);
  });

  test('then list items have their marker, even nested ones and ones with several paragraphs', () => {
    expect(markdown('- one\n  - inner\n\n    more\n- two\n\n3. three\n4. four\n')).toEqual([
      '• one',
      '• inner',
      'more',
      '• two',
      '3. three',
      '4. four',
    ]);
  });

  test('then each row of a table is a line of cells', () => {
    expect(markdown('| Year | Revenue |\n|---|---|\n| 2023 | *1,200* |\n| 2024 | |\n')).toEqual([
      'Year\tRevenue',
      '2023\t1,200',
      '2024',
    ]);
    expect(markdown('| a | | c |\n|---|---|---|\n| | 2 | |\n| 1 | | 3 |')).toEqual(['a\t\tc', '\t2', '1\t\t3']);
  });

  test('then code keeps its lines, quotes are text, and hard line breaks are kept', () => {
    expect(markdown('```js\nconst a = 1;\n\nlet b;\n```\n\n> quoted\n> twice\n\nfirst  \nsecond<br>third')).toEqual([
      'const a = 1;',
      '',
      'let b;',
      'quoted twice',
      'first',
      'second',
      'third',
    ]);
  });

  test('then HTML in it is read as HTML, and its scripts are left out', () => {
    expect(markdown('<div><h2>Inside</h2><script>no()</script><p>A<i>b</i>c</p></div>\n\nx <b>y</b> z')).toEqual([
      '## Inside',
      'Abc',
      'x y z',
    ]);
  });

  test('then front matter is text, not a heading', () => {
    expect(markdown('---\ntitle: Mills\ntags: [a]\n---\n\n# Mills\n')).toEqual([
      'title: Mills',
      'tags: [a]',
      '# Mills',
    ]);
  });

  test.each([
    ['is empty', '---\n---\n\n# T\n\ntext\n\n---\n\nmore', ['# T', 'text', 'more']],
    ['is an empty line', '---\n\n---\n# T', ['# T']],
    ['has other line ends', '---\r\nk: v\r...\r\n# T', ['k: v', '# T']],
    ['begins with a byte order mark', '\uFEFF---\nk: v\n---\n\uFEFF# T', ['k: v', '# T']],
    [
      'has lists, comments and quotes',
      '---\n# c\n"k": [\n]\nt:\n  - a\n- b\n---\n# T',
      ['# c', '"k": [', ']', 't:', '- a', '- b', '# T'],
    ],
    ['has no end before a rule', '---\nk: v\n\n# T\n\ntext\n\n---\n\nmore', ['k: v', '# T', 'text', 'more']],
    ['is text between rules', '---\n\nOnly text.\n\n---\n\n# T', ['Only text.', '# T']],
    ['is a heading between rules', '---\n# T\n---\ntext', ['# T', 'text']],
    ['is further down', 'a\n\n---\n\nk: v\n\n---\n# T', ['a', 'k: v', '# T']],
  ])('and its front matter %s, then neither title nor text is lost', (_what, content, expected) => {
    expect(markdown(content)).toEqual(expected);
    expect(read(content, 'text/markdown').title).toBe('T');
  });

  test('then the text of a footnote is read, even if it is a link', () => {
    expect(
      markdown(
        'It[^1] turns[^n].\n\n[^1]: https://a.org\n\n- [^n]: <https://b.org>\n\n> [^x]: [Title](https://c.org)\n\n[ref]: https://d.org',
      ),
    ).toEqual(['It[^1] turns[^n].', '[^1]: https://a.org', '• [^n]: https://b.org', '[^x]: Title']);
    expect(markdown('    [^1]: https://a.org')).toEqual(['[^1]: https://a.org']);
  });

  test('then code keeps its indentation', () => {
    expect(
      markdown('```py\ndef f():\n    x\n\n\tif  y:\n```\n\n    a\n      b\n\n1. c\n\n       d\n         e'),
    ).toEqual(['def f():', '    x', '', '\tif  y:', '', 'a', '  b', '1. c', 'd', '  e']);
  });

  test('and headings or list items are empty, then they leave nothing', () => {
    expect(markdown('-\n\nText\n\n#\n\n1.\n\n# T\n\n## \n\n- a\n\t- b\n\t-\n\t- c\n\nend')).toEqual([
      'Text',
      '# T',
      '• a',
      '• b',
      '• c',
      'end',
    ]);
    expect(read('#\n\n# T', 'text/markdown').title).toBe('T');
  });

  test('and a comment spans empty lines, then it is left out', () => {
    expect(markdown('<div>x</div>\n<!-- no\n\n# no\n\nno --> yes\n\nend')).toEqual(['x', 'yes', 'end']);
    expect(markdown('<!--\n\n<p>no</p>\n\n-->\nText <!-- no -->')).toEqual(['Text']);
    expect(markdown('<div>\n<!-- open\n\n# T')).toEqual(['# T']);
  });

  test('then form feeds end pages', () => {
    const { pages } = read(`${'word '.repeat(900)}\n\fb\n\n\`\`\`\nc\n\fd\n\`\`\`\n\f# E`, 'text/markdown');
    expect(pages.map(({ lines }) => lines.at(-1)?.text.slice(0, 1))).toEqual(['w', 'c', 'd', 'E']);
  });

  test.each([
    ['quotes', `${'>'.repeat(50_000)} deep\ntext`],
    ['quotes with spaces', '> '.repeat(50_000)],
    ['quotes of several lines', `${'>'.repeat(2_000)} one\n${'>'.repeat(2_000)} two\n\nafter`],
    ['items', '- '.repeat(20_000)],
    ['numbers', '1. '.repeat(5_000)],
    ['quotes and items', '> - '.repeat(3_000)],
    ['indented items', Array.from({ length: 300 }, (_, depth) => `${'  '.repeat(depth)}- x${depth}`).join('\n')],
    ['items after tabs', Array.from({ length: 300 }, (_, depth) => `${'\t'.repeat(depth)}- x${depth}`).join('\n')],
    ['brackets', '['.repeat(10_000)],
    ['stars', '*'.repeat(10_000)],
    ['elements', '<div>\n\n'.repeat(2_000)],
  ])('and it nests %s very deeply, then their text is read', (_what, nested) => {
    const visible = (text: string) => (text.match(/\w+/g) ?? []).filter((word) => !/^(?:div|1)$/.test(word));
    expect(visible(markdown(`${nested}word\n\nend`).join(' '))).toEqual(visible(`${nested}word end`));
  });

  test('then its title is the first heading of level 1', () => {
    expect(read('<h1 align="center">\n  The <b>mill</b>\n</h1>\n\n# Another', 'text/markdown').title).toBe('The mill');
    expect(read('## Before\n\n# *The* title\n\n# Another', 'text/markdown').title).toBe('The title');
    expect(read('only text', 'text/markdown').title).toBeNull();
    expect(read(`# ${'🌾'.repeat(600)}`, 'text/markdown').title).toBe('🌾'.repeat(500));
  });

  test('then a heading is on the page of its text', () => {
    const { pages } = read(
      `${'word '.repeat(590)}\n\n# Chapter\n\n## Section\n\n${'text '.repeat(100)}`,
      'text/markdown',
    );
    expect(pages.map(({ lines }) => lines.map(({ text }) => text.slice(0, 7)))).toEqual([
      ['word wo'],
      ['Chapter', 'Section', 'text te'],
    ]);
  });

  test('then headings alone do not fill a page, unless there is no other text', () => {
    const pagesOf = (content: string) => read(content, 'text/markdown').pages.map(({ lines }) => lines.length);
    expect(pagesOf(`# Chapter\n\n${'word '.repeat(600)}`)).toEqual([2]);
    const sizes = pagesOf('# A heading that stands alone\n\n'.repeat(500));
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(500);
  });

  test('and it is too large, then it fails with DOCUMENT_TOO_LARGE', () => {
    const content = Buffer.alloc(16 * 1024 * 1024 + 1, 'words ');
    expect(() => read(content, 'text/markdown')).toThrow(expect.objectContaining({ code: 'DOCUMENT_TOO_LARGE' }));
  });

  test.each([
    ['brackets', '['.repeat(100_000)],
    ['stars', '*a _b '.repeat(20_000)],
    ['quotes', '> '.repeat(100_000)],
    ['comments without an end', '> <!-- a\n\n'.repeat(50_000)],
    ['lists', Array.from({ length: 1_000 }, (_, depth) => `${'  '.repeat(depth)}- x`).join('\n')],
    ['code without a space', `~~~\n${'x'.repeat(8_000_000)}`],
    ['spaces in code', `~~~\n${'a'.repeat(10)}${'\u00a0'.repeat(300_000)}b`],
    ['tabs in code', `~~~\na${'\t'.repeat(300_000)}b`],
    ['backticks', Array.from({ length: 500 }, (_, length) => `${'`'.repeat(length)}x`).join(' ')],
    ['spaces in a fence', `\`\`\`\na${' '.repeat(1_000_000)}b\n\`\`\``],
    ['spaces before tabs', `\`\`\`\na${`${' '.repeat(50_000)}\t`.repeat(10)}b\n\`\`\``],
  ])('and it consists of %s, then reading takes less than five seconds', (_what, content) => {
    const start = process.cpuUsage();
    markdown(content);
    expect(process.cpuUsage(start).user).toBeLessThan(5_000_000);
  });
});
