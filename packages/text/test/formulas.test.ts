import { linesOf } from './read';

const html = (content: string) => linesOf(content, 'text/html');
const [a, b, c, x] = ['a', 'b', 'c', 'x'].map((name) => `<mi>${name}</mi>`);
const [two, equals, minus] = ['<mn>2</mn>', '<mo>=</mo>', '<mo>−</mo>'];
const square = `<msup>${b}${two}</msup>`;

describe('When a formula in MathML is read', () => {
  test.each([
    [`${a}<mo>≠</mo><mn>0</mn>`, 'a ≠ 0'],
    [
      `<mfrac><mrow>${minus}${b}<mo>±</mo><msqrt>${square}${minus}<mn>4</mn>${a}${c}</msqrt></mrow><mrow>${two}${a}</mrow></mfrac>`,
      '(−b ± √(b^2 − 4ac))/(2a)',
    ],
    [
      `<munderover><mo>∑</mo><mrow><mi>i</mi>${equals}<mn>1</mn></mrow><mi>n</mi></munderover><msub>${a}<mi>i</mi></msub>${x}`,
      '∑_(i = 1)^n a_i x',
    ],
    [`<mi>sin</mi><mo>&#x2061;</mo>${x}<mo>+</mo><mi>f</mi><mo>(</mo>${x}<mo>,</mo>${a}<mo>)</mo>`, 'sin x + f(x, a)'],
    [`<msup><mrow><mo>(</mo>${a}<mo>+</mo>${b}<mo>)</mo></mrow>${two}</msup>`, '(a + b)^2'],
    [`<msup><mi>e</mi><mrow>${minus}${x}</mrow></msup>${equals}${minus}${b}`, 'e^(−x) = −b'],
    [`<mover>${x}<mo>¯</mo></mover><msup><mi>f</mi><mo>′</mo></msup>`, 'x̄f′'],
    [`<mroot>${x}<mn>3</mn></mroot>`, '√[3]x'],
    [`<mfrac linethickness="0">${a}${b}</mfrac>`, 'a choose b'],
    [`<mfenced open="[">${a}${b}</mfenced>`, '[a, b)'],
    [
      '<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>2</mn></mtd></mtr></mtable>',
      '1 0; 2',
    ],
    [`<mi>𝑎</mi><mphantom>${b}</mphantom>`, 'a'],
    [`<semantics><mrow>${a}</mrow><annotation encoding="application/x-tex">\\alpha</annotation></semantics>`, 'a'],
    ['<semantics><annotation encoding="application/x-tex">\\alpha</annotation></semantics>', '\\alpha'],
  ])('such as %s, then it becomes one line', (content, expected) => {
    expect(html(`<p>When <math>${content}</math>, it turns`)).toEqual([`When ${expected}, it turns`]);
  });

  test('and it lacks its end tag or is hidden, then the text after it is read', () => {
    expect(html(`<p><math>${x}<p>one <b>two</b><h2>Three</h2>four`)).toEqual(['x', 'one two', '## Three', 'four']);
    expect(html(`<div hidden><math>${x}</math></div><math style="display:none">${x}</math>yes`)).toEqual(['yes']);
    expect(html(`<math>${'x'.repeat(30_000)}<p>yes`).at(-1)).toBe('yes');
  });
});

describe('When a page holds copies of a formula, then it is read once', () => {
  const math = `<math><semantics>${a}${equals}${b}</semantics></math>`;
  test.each([
    [
      'KaTeX',
      `<span class="katex"><span class="katex-mathml"><math>${a}${equals}${b}</math></span><span class="katex-html" aria-hidden="true">a=b</span></span>`,
      'a = b',
    ],
    [
      'KaTeX without MathML',
      '<span class="katex"><span class="katex-html" aria-hidden="true">a=b</span></span>',
      'a=b',
    ],
    [
      'Wikipedia',
      `<span class="mwe-math-element"><span style="display: none"><math alttext="{\\displaystyle a}">${a}${equals}${b}</math></span><img aria-hidden="true" alt="{\\displaystyle a=b}"></span>`,
      'a = b',
    ],
    ['Wikipedia with a picture only', '<span class="mwe-math-element"><img alt="{\\displaystyle a=b}"></span>', 'a=b'],
    ['LaTeXML', '<math alttext="a=b"></math>', 'a=b'],
    [
      'MathJax 3',
      `<mjx-container><mjx-math aria-hidden="true"><mjx-c class="mjx-c61"></mjx-c></mjx-math><mjx-assistive-mml>${math.replace(/<.?semantics>/g, '')}</mjx-assistive-mml></mjx-container>`,
      'a = b',
    ],
    [
      'MathJax 3 with glyphs only',
      '<mjx-container><mjx-math><mjx-c class="mjx-c1D44E TEX-I"></mjx-c></mjx-math></mjx-container>',
      'a',
    ],
    [
      'MathJax 3 with SVG only',
      '<mjx-container><svg><use data-c="1D44E"></use><use data-c="3D"></use></svg></mjx-container>',
      'a=',
    ],
    ['MathJax 4', '<mjx-container><mjx-math data-latex="a \\ne b"></mjx-math></mjx-container>', 'a \\ne b'],
    [
      'MathJax 2',
      `<span class="MathJax_Preview">a</span><span class="MathJax"><nobr aria-hidden="true">a=b</nobr><span><math>${a}${equals}${b}</math></span></span><script type="math/tex">a=b</script>`,
      'a = b',
    ],
    [
      'MathJax 2 in an attribute',
      `<span class="MathJax_SVG" data-mathml="<math><mi>a</mi></math>"><svg></svg></span><script type="math/tex">a</script>`,
      'a',
    ],
    ['MathJax 2 before it ran', '<span class="MathJax_Preview">a</span><script type="math/tex">a=b</script>', 'a=b'],
    ['MathML in a script', `<script type="math/mml"><math>${a}</math></script>`, 'a'],
  ])('as %s does', (_who, content, expected) => {
    expect(html(`<p>When ${content}, it turns`)).toEqual([`When ${expected}, it turns`]);
  });

  test('and a formula of its own line stands apart from words', () => {
    expect(html(`<p>so <math display="block">${a}</math>and <math>${b}</math>th`)).toEqual(['so a and bth']);
  });

  test('and an element around a whole page has the class of a formula, then the page is read', () => {
    expect(html(`<div class="katex">One <p>two</p><p>three <math>${x}</math></div>`)).toEqual([
      'One',
      'two',
      'three x',
    ]);
  });
});

test('When a formula in an attribute is nested deeply, then reading takes less than five seconds', () => {
  const start = process.cpuUsage();
  html(`<mjx-container data-mathml="${'<mrow>'.repeat(200_000)}<mi>x</mi>">x</mjx-container>`);
  expect(process.cpuUsage(start).user).toBeLessThan(5_000_000);
});
