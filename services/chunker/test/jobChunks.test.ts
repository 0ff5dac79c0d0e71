import type { Chunk } from '@millrace/contracts';
import { toJobChunks } from '../src/jobChunks';
import type { ParsedPage } from '../src/parseProtocol';

const page = (number: number, label: string | null): ParsedPage => {
  return {
    page: number,
    label,
    width: 612,
    height: 792,
    outcome: 'text',
    characters: 9,
    errorCode: null,
    textLayer: null,
  };
};
const chunk: Chunk = {
  index: 0,
  text: 'Some text',
  tokenCount: 2,
  pageStart: 1,
  pageEnd: 2,
  section: null,
  coordinates: [],
  blocks: ['heading', 'table'],
  hasOverlap: false,
  contentHash: 'a',
  chunkHash: 'b',
};

describe('The metadata of a job chunk', () => {
  test('When the document has a title and page labels, then it has both, and the kinds of blocks', () => {
    const pages = [page(1, 'iv'), page(2, 'v')];
    const [made] = toJobChunks({ title: 'The Mill', pages, chunks: [chunk] });
    expect(made).toMatchObject({ chunkIndex: 0, payload: { text: 'Some text', tokenCount: 2 } });
    expect(made?.payload.metadata).toEqual({
      title: 'The Mill',
      page_label_start: 'iv',
      page_label_end: 'v',
      blocks: ['heading', 'table'],
    });
  });

  test('When the document has neither, then these members are left out', () => {
    const [made] = toJobChunks({ title: null, pages: [page(1, null), page(2, null)], chunks: [chunk] });
    expect(made?.payload.metadata).toEqual({ blocks: ['heading', 'table'] });
  });
});
