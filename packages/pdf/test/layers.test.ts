import { deflateSync } from 'node:zlib';
import { rawPdf, rawStream } from '@millrace/test-support';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

const text = (words: string, y: number) => `BT /F 12 Tf 50 ${y} Td (${words}) Tj ET`;
const on = (layer: string, content: string) => `/OC /${layer} BDC ${content} EMC`;

interface Layered {
  content: string;
  /** Entries of the default configuration. The groups are objects 6 (A) and 7 (B). */
  configuration: string;
  /** Object 8, the membership M. */
  membership?: string;
  page?: string;
  /** Object 9, the form X. */
  form?: string;
  more?: string[];
}

function bodiesOf({ content, configuration, membership = '', page = '', form, more = [] }: Layered): string[] {
  return [
    `<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [6 0 R 7 0 R] /D << ${configuration} >> >> >>`,
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R ${page} /Resources << /Font << /F 5 0 R >>
      /Properties << /A 6 0 R /B 7 0 R /M 8 0 R >> /XObject << /X 9 0 R >> >> >>`,
    rawStream(content),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    '<< /Type /OCG /Name (A) /Usage << /View << /ViewState /OFF >> >> >>',
    '<< /Type /OCG /Name (B) >>',
    `<< /Type /OCMD ${membership} >>`,
    form ?? rawStream(''),
    ...more,
  ];
}

const formOf = (content: string, entries = '') =>
  `<< /Type /XObject /Subtype /Form /BBox [0 0 600 800] ${entries} /Resources << /Font << /F 5 0 R >>
    /Properties << /A 6 0 R >> >> /Length ${content.length} >>\nstream\n${content}\nendstream`;

const wordsIn = (file: Buffer) =>
  folder.open(file, (pdf) => {
    const read = pdf.readPage(1).text;
    expect(pdf.readPage(1).text).toBe(read);
    return read.split('\n');
  });

const two = [on('A', text('on A', 700)), on('B', text('on B', 650)), text('on none', 600)].join('\n');

describe('When layers are switched off', () => {
  test.each<[string, Layered, string[]]>([
    ['one is listed', { content: two, configuration: '/OFF [6 0 R]' }, ['on B', 'on none']],
    ['all but one are', { content: two, configuration: '/BaseState /OFF /ON [6 0 R]' }, ['on A', 'on none']],
    ['none is', { content: two, configuration: '/BaseState /ON' }, ['on A', 'on B', 'on none']],
    [
      'one is not for viewing',
      { content: two, configuration: '/AS [<< /Event /View /Category [/View] /OCGs [6 0 R] >>]' },
      ['on B', 'on none'],
    ],
    [
      'one is not for printing',
      { content: two, configuration: '/AS [<< /Event /Print /Category [/View] /OCGs [6 0 R] >>]' },
      ['on A', 'on B', 'on none'],
    ],
    [
      'one is within another',
      { content: `${on('A', on('B', text('on both', 700)))} ${text('on none', 600)}`, configuration: '/OFF [6 0 R]' },
      ['on none'],
    ],
    [
      'a form is drawn on one',
      {
        content: `${on('A', '/X Do')} ${text('on none', 600)}`,
        configuration: '/OFF [6 0 R]',
        form: formOf(text('in X', 700)),
      },
      ['on none'],
    ],
    [
      'a form belongs to one',
      {
        content: `/X Do ${text('on none', 600)}`,
        configuration: '/OFF [6 0 R]',
        form: formOf(text('in X', 700), '/OC 6 0 R'),
      },
      ['on none'],
    ],
    [
      'a part of a form is on one',
      {
        content: `/X Do ${text('on none', 600)}`,
        configuration: '/OFF [6 0 R]',
        form: formOf(`${on('A', text('hidden', 700))} ${text('in X', 650)}`),
      },
      ['in X', 'on none'],
    ],
    [
      'an annotation belongs to one',
      {
        content: text('on none', 720),
        configuration: '/OFF [6 0 R]',
        page: '/Annots [10 0 R 11 0 R]',
        more: [
          '<< /Type /Annot /Subtype /FreeText /Contents (hidden) /Rect [50 690 200 710] /OC 6 0 R >>',
          '<< /Type /Annot /Subtype /FreeText /Contents (shown) /Rect [50 640 200 660] /OC 7 0 R >>',
        ],
      },
      ['on none', 'shown'],
    ],
  ])('then their text is not read: %s', async (_, layered, words) => {
    expect(await wordsIn(rawPdf(bodiesOf(layered)))).toEqual(words);
  });

  test.each<[string, boolean]>([
    ['/OCGs [6 0 R 7 0 R]', true],
    ['/OCGs [6 0 R 7 0 R] /P /AllOn', false],
    ['/OCGs [6 0 R 7 0 R] /P /AnyOff', true],
    ['/OCGs [6 0 R 7 0 R] /P /AllOff', false],
    ['/OCGs 6 0 R', false],
    ['/OCGs 6 0 R /P /AllOff', true],
    ['/OCGs []', true],
    ['/OCGs 6 0 R /VE [/Or 6 0 R [/Not 7 0 R]]', false],
    ['/OCGs 6 0 R /VE [/And 7 0 R [/Not 6 0 R]]', true],
  ])('and A is off, then a membership with %s is shown: %s', async (membership, isShown) => {
    const file = bodiesOf({
      content: `${on('M', text('member', 700))} ${text('on none', 600)}`,
      configuration: '/OFF [6 0 R]',
      membership,
    });
    expect(await wordsIn(rawPdf(file))).toEqual(isShown ? ['member', 'on none'] : ['on none']);
  });
});

describe('When a file has a hidden layer', () => {
  const bodies = bodiesOf({ content: two, configuration: '/OFF [6 0 R]' });
  const plain = rawPdf(bodies);

  test.each<[string, Buffer]>([
    ['its offsets are wrong', Buffer.from(plain.toString('latin1').replace('%PDF-1.7', '%PDF-1.7\n% moved'), 'latin1')],
    ['it begins with other bytes', Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), plain])],
    ['its objects are compressed', compressed(bodies)],
    ['its table has a predictor', compressed(bodies, { predictor: true })],
    ['it was updated', updated(plain)],
  ])('and %s, then the layer is not read', async (_, file) => {
    expect(await wordsIn(file)).toEqual(['on B', 'on none']);
  });

  test('and its own table is sound, then it counts as not repaired', async () => {
    await folder.open(plain, (pdf) => expect(pdf.info.repair).toBeNull());
    await folder.open(compressed(bodies), (pdf) => expect(pdf.info.repair).toBeNull());
  });
});

/** Puts all objects but streams into an object stream, and the table into a stream. */
function compressed(bodies: readonly string[], { predictor = false } = {}): Buffer {
  const isStream = (body: string) => body.endsWith('endstream');
  const members = bodies.map((body, index) => ({ body, number: index + 1 })).filter(({ body }) => !isStream(body));
  const heads: string[] = [];
  let packed = '';
  for (const { body, number } of members) {
    heads.push(`${number} ${packed.length}`);
    packed += `${body} `;
  }
  const head = `${heads.join(' ')} `;
  const [container, table] = [bodies.length + 1, bodies.length + 2];
  const rows: [number, number, number][] = [[0, 0, 255]];
  let file = '%PDF-1.7\n';
  const add = (number: number, entries: string, data: string) => {
    rows[number] = [1, file.length, 0];
    file += `${number} 0 obj\n<< ${entries} /Length ${data.length} >>\nstream\n${data}\nendstream\nendobj\n`;
  };
  bodies.forEach((body, index) => {
    const at = members.findIndex(({ number }) => number === index + 1);
    rows[index + 1] = at < 0 ? [1, file.length, 0] : [2, container, at];
    file += at < 0 ? `${index + 1} 0 obj\n${body}\nendobj\n` : '';
  });
  const objects = deflateSync(Buffer.from(head + packed, 'latin1')).toString('latin1');
  add(container, `/Type /ObjStm /N ${members.length} /First ${head.length} /Filter /FlateDecode`, objects);
  const start = file.length;
  rows[table] = [1, start, 0];
  const plain = rows.map(([kind, value, last]) =>
    Buffer.from([kind, value >> 16, (value >> 8) & 255, value & 255, last]),
  );
  const data = predictor
    ? plain.map((row, index) => Buffer.from([2, ...row.map((byte, at) => byte - (plain[index - 1]?.[at] ?? 0))]))
    : plain;
  const parameters = predictor ? '/DecodeParms << /Predictor 12 /Columns 5 >>' : '';
  add(
    table,
    `/Type /XRef /Size ${table + 1} /Root 1 0 R /W [1 3 1] /Filter /FlateDecode ${parameters}`,
    deflateSync(Buffer.concat(data)).toString('latin1'),
  );
  return Buffer.from(`${file}startxref\n${start}\n%%EOF\n`, 'latin1');
}

/** Adds an update that switches the layer A off with a new catalog, as a viewer does. */
function updated(file: Buffer): Buffer {
  const [, start] = /startxref\n(\d+)/.exec(file.toString('latin1')) ?? [];
  const catalog =
    '1 0 obj\n<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [6 0 R 7 0 R] /D << /BaseState /ON /OFF [6 0 R] >> >> >>\nendobj\n';
  const at = file.length + catalog.length;
  const row = `${String(file.length).padStart(10, '0')} 00000 n \n`;
  return Buffer.concat([
    file,
    Buffer.from(
      `${catalog}xref\n1 1\n${row}trailer\n<< /Size 10 /Root 1 0 R /Prev ${start} >>\nstartxref\n${at}\n%%EOF\n`,
      'latin1',
    ),
  ]);
}
