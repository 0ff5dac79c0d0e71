/**
 * The way of LangChain.js's documentation: PDFLoader, RecursiveCharacterTextSplitter, PGVectorStore. With INDEXED=1 its table has
 * from the start what a search in it needs: pgvector's default HNSW index and a full-text index.
 */
import { PDFLoader } from '@langchain/community/document_loaders/fs/pdf';
import { PGVectorStore } from '@langchain/community/vectorstores/pgvector';
import { Embeddings } from '@langchain/core/embeddings';
import { RecursiveCharacterTextSplitter } from '@langchain/textsplitters';
import { measure } from './measure.mjs';
import { dimensions, embed } from './staticProvider.mjs';

class StaticEmbeddings extends Embeddings {
  embedDocuments(texts) {
    return embed(texts);
  }

  async embedQuery(text) {
    const [vector] = await embed([text]);
    return vector;
  }
}

// In characters: about as many chunks as Millrace makes of the same pages.
const splitter = new RecursiveCharacterTextSplitter({ chunkSize: 2_000, chunkOverlap: 200 });
const store = await PGVectorStore.initialize(new StaticEmbeddings({}), {
  postgresConnectionOptions: { connectionString: process.env.DATABASE_URL },
  tableName: 'langchain_chunks',
  dimensions,
});
if (process.env.INDEXED === '1') {
  await store.pool.query(`
    CREATE INDEX ON langchain_chunks USING hnsw (embedding vector_cosine_ops);
    CREATE INDEX ON langchain_chunks USING gin (to_tsvector('english', text))`);
}

await measure({
  ingest: async (file) => {
    const pages = await new PDFLoader(file).load();
    const chunks = await splitter.splitDocuments(pages);
    await store.addDocuments(chunks);
    return { pages: pages.at(-1)?.metadata.pdf.totalPages ?? 0, chunks: chunks.length };
  },
  empty: () => store.pool.query('TRUNCATE langchain_chunks'),
  close: () => store.end(),
});
