import { documentPagesResponseSchema } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { storeChunks } from '@millrace/lifecycle';
import { newJobChunk } from '@millrace/test-support';
import { acceptedDocument, claimedJob } from '@millrace/test-support/lifecycle';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

describe("A document's pages", () => {
  test('When the document names some of its pages, then these have a label and the others have null, each with its text layer', async () => {
    const work = await acceptedDocument(database);
    const page = { width: 612, height: 792, outcome: 'text' as const, characters: 20 };
    const layers = [null, 'replaced', 'suspect'] as const;
    const pages = ['iv', null, 'A-1'].map((label, index) => {
      return { ...page, page: index + 1, label, errorCode: null, textLayer: layers[index] ?? null };
    });
    await storeChunks(database, await claimedJob(database, work.jobId), {
      title: null,
      pages,
      chunks: [newJobChunk(0)],
    });

    const { body } = await api.client.get(`/api/v1/documents/${work.documentId}/pages`);
    expect(documentPagesResponseSchema.parse(body).pages).toEqual(
      pages.map(({ errorCode, textLayer, ...stored }) => ({ ...stored, error_code: errorCode, text_layer: textLayer })),
    );
  });
});
