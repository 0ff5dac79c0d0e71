import { readCatalog } from '../src/structure/catalogFacts';
import type { Bytes } from '../src/structure/objectTable';
import { Structure } from '../src/structure/structure';

/** Bytes that note how often they are read, and how many at once. */
function counted(file: Buffer): Bytes & { reads: number; largest: number } {
  return {
    size: file.length,
    reads: 0,
    largest: 0,
    read(position, target) {
      this.reads++;
      this.largest = Math.max(this.largest, target.length);
      return file.copy(target, 0, position) === target.length;
    },
  };
}

/** A file with a layer that is off, and hidden annotations whose numbers go round the object streams. */
function scatteredPdf(streams: number, annotations: number): Buffer {
  const [firstStream, firstMember] = [10, 100];
  const table = firstMember + annotations;
  const rows: [number, number, number][] = [];
  let file = '%PDF-1.7\n';
  const add = (number: number, body: string) => {
    rows[number] = [1, file.length, 0];
    file += `${number} 0 obj\n${body}\nendobj\n`;
  };
  const addStream = (number: number, entries: string, data: string) =>
    add(number, `<< ${entries} /Length ${data.length} >>\nstream\n${data}\nendstream`);
  add(1, '<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [3 0 R] /D << /OFF [3 0 R] >> >> >>');
  add(2, '<< /Type /Pages /Kids [] /Count 0 >>');
  add(3, '<< /Type /OCG /Name (A) >>');
  for (let stream = 0; stream < streams; stream++) {
    const members = Array.from({ length: annotations }, (_, at) => firstMember + at).filter(
      (at) => at % streams === stream,
    );
    const body = '<< /Type /Annot /OC 3 0 R >> ';
    const head = members.map((number, at) => `${number} ${at * body.length} `).join('');
    members.forEach((number, at) => {
      rows[number] = [2, firstStream + stream, at];
    });
    addStream(
      firstStream + stream,
      `/Type /ObjStm /N ${members.length} /First ${head.length}`,
      head + body.repeat(members.length),
    );
  }
  const start = file.length;
  const data = Buffer.concat(
    Array.from({ length: table }, (_, number) => {
      const [kind, value, last] = rows[number] ?? [0, 0, 0];
      return Buffer.from([kind, value >> 16, (value >> 8) & 255, value & 255, last & 255]);
    }),
  ).toString('latin1');
  addStream(table, `/Type /XRef /Size ${table} /Root 1 0 R /W [1 3 1]`, data);
  return Buffer.from(`${file}startxref\n${start}\n%%EOF\n`, 'latin1');
}

test('When neighbouring objects are in different streams, then each stream is decoded once', () => {
  const bytes = counted(scatteredPdf(20, 400));
  const { update } = readCatalog(bytes);
  expect(update?.toString('latin1').match(/Subtype \/Popup/gu)).toHaveLength(400);
  expect(bytes.reads).toBeLessThan(150);
});

test('When the catalog is in an encrypted stream, then the file is not searched for another one', () => {
  const plain = scatteredPdf(1, 500).toString('latin1');
  const locked = plain.replace('/Root 1 0 R', '/Root 100 0 R /Encrypt 2 0 R');
  const bytes = counted(Buffer.from(locked, 'latin1'));
  expect(Structure.open(bytes)).toBeNull();
  expect(bytes.largest).toBeLessThan(bytes.size);
});
