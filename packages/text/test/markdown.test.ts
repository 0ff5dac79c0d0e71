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
  });

  test('then code keeps its lines, quotes are text, and hard line breaks are kept', () => {
    expect(markdown('```js\nconst a = 1;\n\nlet b;\n```\n\n> quoted\n> twice\n\nfirst  \nsecond<br>third')).toEqual([
      'const a = 1;',
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

  test('then its title is the first heading of level 1', () => {
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
