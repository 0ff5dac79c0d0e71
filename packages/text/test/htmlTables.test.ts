import { linesOf } from './read';

const table = (rows: string) => linesOf(`<table>${rows}</table>`, 'text/html');

describe('When a table of HTML is read', () => {
  test('then an empty cell keeps its place, and columns without any text are left out', () => {
    expect(table('<tr><th><th>2023<th>2022<tr><td>Revenue<td>&nbsp;<td>5<tr><td>Costs<td>7<td>')).toEqual([
      '\t2023\t2022',
      'Revenue\t\t5',
      'Costs\t7',
    ]);
    expect(table('<tr><th>Name<th>Note<tr><td>Teal<td>Quack<tr><td><td>Loud')).toEqual([
      'Name\tNote',
      'Teal\tQuack',
      '\tLoud',
    ]);
    expect(table('<tr><td>A<td width=9><td>B<tr><td>C<td><td>D')).toEqual(['A\tB', 'C\tD']);
  });

  test('then a cell that spans columns stands in the first of them', () => {
    expect(table('<tr><td><td colspan=2>2023<td colspan=2>2022<tr><td>Sales<td>1<td>2<td>3<td>4')).toEqual([
      '\t2023\t\t2022',
      'Sales\t1\t2\t3\t4',
    ]);
  });

  test('then a cell that spans rows stands in each of them', () => {
    expect(table('<tr><th rowspan=2>Year<th colspan=2>Sales<tr><th>Mill<th>Shop<tr><td>2023<td>1<td>2')).toEqual([
      'Year\tSales',
      'Year\tMill\tShop',
      '2023\t1\t2',
    ]);
    expect(table('<tr><th rowspan=3>2025<tr><td>May<td>1<tr><td>June<td>2<tr><td>2026<td>July<td>3')).toEqual([
      '2025',
      '2025\tMay\t1',
      '2025\tJune\t2',
      '2026\tJuly\t3',
    ]);
    expect(table('<tbody><tr><td rowspan=0>all<td>1<tr><td>2<tbody><tr><td>3<td>4')).toEqual([
      'all\t1',
      'all\t2',
      '3\t4',
    ]);
    expect(table('<tr><td rowspan=2 colspan=2>wide<td>c<tr><td>d')).toEqual(['wide\tc', 'wide\td']);
  });

  test('and a cell spans very many rows, then a long text is not repeated', () => {
    const long = 'mill '.repeat(50).trim();
    expect(table(`<tr><td rowspan=3>${long}<td>1<tr><td>2<tr><td>3`)).toEqual([`${long}\t1`, '\t2', '\t3']);
  });

  test('then lists in cells keep their markers, and tables in cells are read in their place', () => {
    expect(table('<tr><td>Teal<td><ul><li>Pond<li>Marsh</ul><td><ol><li>Fly<li>Nest</ol>')).toEqual([
      'Teal\t• Pond • Marsh\t1. Fly 2. Nest',
    ]);
    expect(table('<tr><td>Quack<td><table><tr><td>Short<td>quak</table>or<td>more')).toEqual([
      'Quack',
      'Short\tquak',
      'or',
      'more',
    ]);
  });

  test('then code in cells keeps its lines, and the numbers of its lines are left out', () => {
    const code = '<td><pre>def turn():\n    go()</pre>';
    expect(table(`<tr><td><pre>1\n2</pre>${code}`)).toEqual(['def turn():', '    go()']);
    expect(table(`<tr><td>As follows:${code}`)).toEqual(['As follows:', 'def turn():', '    go()']);
    expect(table('<tr><td><pre>turn()</pre><td>turns the mill')).toEqual(['turn()\tturns the mill']);
  });

  test('and it is large, then all its rows are read', () => {
    const rows = Array.from({ length: 2_000 }, (_, index) => `<tr><td>${index}<td><td>${'x'.repeat(100)}`);
    expect(table(rows.join(''))).toHaveLength(2_000);
    expect(table(`<tr>${'<td>x'.repeat(2_500)}`).map((line) => line.split('\t').length)).toEqual([1_000, 1_000, 500]);
  });

  test('then the terms and descriptions of a definition list are apart', () => {
    expect(linesOf('<dl><dt>Coffee<dd>Black<dd>Hot<dt>Tea<dd><dl><dt>Green<dd>Fresh</dl></dl>', 'text/html')).toEqual([
      'Coffee',
      'Black',
      'Hot',
      'Tea',
      'Green',
      'Fresh',
    ]);
  });
});
