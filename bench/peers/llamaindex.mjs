/** The way of LlamaIndex.TS's documentation: PDFReader, an ingestion pipeline with SentenceSplitter, PGVectorStore. */
import { readFile } from 'node:fs/promises';
import { BaseEmbedding } from '@llamaindex/core/embeddings';
import { SentenceSplitter } from '@llamaindex/core/node-parser';
import { PGVectorStore } from '@llamaindex/postgres';
import { PDFReader } from '@llamaindex/readers/pdf';
import { IngestionPipeline } from 'llamaindex';
import pg from 'pg';
import { measure } from './measure.mjs';
import { dimensions, embed } from './staticProvider.mjs';

class StaticEmbedding extends BaseEmbedding {
  getTextEmbeddings = (texts) => embed(texts);

  async getTextEmbedding(text) {
    const [vector] = await embed([text]);
    return vector;
  }
}

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
const embeddingModel = new StaticEmbedding();
const vectorStore = new PGVectorStore({ client, embeddingModel, dimensions, tableName: 'llamaindex_chunks' });
await vectorStore.client();
const reader = new PDFReader();
const pipeline = new IngestionPipeline({
  // In tokens, as Millrace's own.
  transformations: [new SentenceSplitter({ chunkSize: 400, chunkOverlap: 50 }), embeddingModel],
  vectorStore,
});

await measure({
  ingest: async (file) => {
    const pages = await reader.loadDataAsContent(await readFile(file));
    for (const page of pages) {
      // PostgreSQL takes no NUL, and some filings hold one: without this help it ends at the first of them.
      page.setContent(page.text.replaceAll('\0', ''));
    }
    const nodes = await pipeline.run({ documents: pages });
    return { pages: pages.length, chunks: nodes.length };
  },
  empty: () => client.query('TRUNCATE llamaindex_chunks'),
  close: () => client.end(),
});
