import { z } from 'zod';
import { boxSchema, chunkMetadataSchema } from '../chunks';
import { idSchema } from '../ids';
import { metadataSchema } from '../metadata';
import { documentRepair, documentStatus, pageOutcome, textLayer } from '../statuses';
import {
  chunkHash,
  chunkId,
  chunkIndex,
  chunkText,
  collectionId,
  contentHash,
  count,
  createdAt,
  documentId,
  errorCode,
  externalId,
  filename,
  filenameFilter,
  jobId,
  links,
  listOf,
  moment,
  nextCursor,
  pageEnd,
  pageNumber,
  pageQuerySchema,
  pageStart,
  section,
  storedErrorCode,
  storedExternalId,
  updatedAt,
  version,
} from './common';
import { jobSchema } from './jobs';
import { problemSchema } from './problem';

const documentSchema = z
  .object({
    id: documentId,
    collection_id: collectionId,
    external_id: storedExternalId,
    version,
    is_current: z
      .boolean()
      .describe('True for the version that searches and lists see. Always true without an external id.'),
    filename,
    title: z.string().nullable().describe('The title in the file, or null.'),
    content_hash: z.string().describe('The SHA-256 of the uploaded bytes, in hexadecimal.'),
    mime_type: z.string().meta({
      description: "The media type. A text's has the charset that the client named, if it was needed.",
      examples: ['application/pdf', 'text/plain; charset=windows-1251'],
    }),
    size_bytes: count.describe('The size of the uploaded file.'),
    page_count: count.nullable().describe('The number of pages; null until the document is read.'),
    total_chunks: count.nullable().describe('The number of chunks; null until the document is read.'),
    repair: documentRepair.nullable().meta({
      description:
        'How a broken PDF was made readable; null if it is not broken or not read yet. ' +
        'XREF_REBUILT: its table of objects was unusable; the objects and the page list were found. ' +
        'TRAILER_REBUILT: that table was missing or wrong; the page list was found. ' +
        'PAGES_REBUILT: the page list was lost too; pages are in the order in which they were found in the file. ' +
        'REWRITTEN: a second engine wrote the pages that it found into a new file.',
    }),
    metadata: z.record(z.string(), z.unknown()).meta({
      description: "The client's own JSON object.",
      examples: [{ author: 'Ada', year: 2026 }],
    }),
    status: documentStatus.describe('A "partial" document can be searched, and its detail says what is missing.'),
    error: problemSchema.nullable().describe('Why the document failed, or what makes it partial; else null.'),
    job_id: jobId.describe('The job of the kind ingest. Jobs that read failed pages again have other ids.'),
    created_at: createdAt,
    updated_at: updatedAt,
    links,
  })
  .meta({ id: 'Document' });
export type DocumentView = z.infer<typeof documentSchema>;

const missingSchema = z.object({
  chunk_count: count.describe('How many chunks failed or were cancelled.'),
  page_count: count.describe('How many pages could not be read.'),
  pages_lost: z.boolean().describe('True when further pages may be lost, because the page list of a broken PDF was.'),
  chunks: z
    .array(
      z.object({
        id: chunkId,
        chunk_index: chunkIndex,
        page_start: pageStart,
        page_end: pageEnd,
        error_code: storedErrorCode,
      }),
    )
    .describe('The first hundred of the missing chunks.'),
  pages: z
    .array(z.object({ page: pageNumber, error_code: storedErrorCode }))
    .describe('The first hundred of the missing pages.'),
});

export const documentDetailSchema = documentSchema
  .extend({
    missing: missingSchema.nullable().describe('What the document lacks; null while nothing is known to be missing.'),
  })
  .meta({ id: 'DocumentDetail' });
export type DocumentDetail = z.infer<typeof documentDetailSchema>;

/** An unknown name is refused: a filter that is ignored would show the wrong rows. */
export const documentsQuerySchema = pageQuerySchema
  .extend({
    collection_id: idSchema.optional().describe('Only in this collection.'),
    external_id: externalId.optional().describe('Only what has this external id.'),
    versions: z
      .enum(['current', 'all'])
      .default('current')
      .describe('all: also versions that wait to become current, and old ones.'),
    status: listOf(documentStatus).describe('Only documents with one of these statuses.'),
    error_code: listOf(errorCode).describe('Only documents whose error has one of these codes.'),
    filename: filenameFilter.optional(),
    created_after: moment.optional().describe('Only documents uploaded at this time or later.'),
    created_before: moment.optional().describe('Only documents uploaded before this time.'),
  })
  .strict();

export const documentsResponseSchema = z
  .object({ documents: z.array(documentSchema).describe('The newest first.'), next_cursor: nextCursor })
  .meta({ id: 'Documents' });
export type DocumentsResponse = z.infer<typeof documentsResponseSchema>;

export const documentVersionsResponseSchema = z
  .object({
    external_id: storedExternalId,
    versions: z.array(documentSchema).describe('The newest first.'),
    next_cursor: nextCursor,
  })
  .meta({ id: 'DocumentVersions' });

export const changeDocumentRequestSchema = z
  .strictObject({
    metadata: metadataSchema.meta({
      description:
        'The new metadata, as a whole: a JSON object of at most 16 KiB. Members that it does not have are gone.',
      examples: [{ author: 'Ada', year: 2026 }],
    }),
  })
  .meta({ id: 'ChangeDocumentRequest' });

export const otherCollectionRequestSchema = z
  .strictObject({ collection_id: idSchema.describe('The collection to move or copy the document to.') })
  .meta({ id: 'OtherCollectionRequest' });

export const documentResponseSchema = documentSchema;

export const uploadResponseSchema = z
  .object({
    duplicate: z
      .boolean()
      .describe('True when the collection, or the document with this external id, already held this content.'),
    document: documentSchema,
    job: jobSchema,
    links,
  })
  .meta({ id: 'Upload' });
export type UploadResponse = z.infer<typeof uploadResponseSchema>;

const documentChunkSchema = z.object({
  id: chunkId,
  chunk_index: chunkIndex,
  text: chunkText,
  token_count: count.describe('Its length in tokens (cl100k_base).'),
  page_start: pageStart,
  page_end: pageEnd,
  section,
  coordinates: z.array(boxSchema).describe('Where the text is: one rectangle for each block and page.'),
  metadata: chunkMetadataSchema.describe('What is known about the chunk besides its place.'),
  content_hash: contentHash,
  chunk_hash: chunkHash,
  embedding_model: z
    .string()
    .nullable()
    .describe('The key of the model that made the vector: see GET /api/v1/embedding-models.'),
});

export const documentChunksResponseSchema = z
  .object({
    document_id: documentId,
    chunks: z.array(documentChunkSchema).describe('In order of chunk_index.'),
    next_cursor: nextCursor,
  })
  .meta({ id: 'DocumentChunks' });
export type DocumentChunksResponse = z.infer<typeof documentChunksResponseSchema>;

const documentPageSchema = z.object({
  page: pageNumber,
  label: z
    .string()
    .nullable()
    .meta({ description: "The document's own name of the page.", examples: ['iv', 'A-3'] }),
  width: z.number().describe('In points (1/72 inch), as the page is shown.'),
  height: z.number().describe('In points (1/72 inch), as the page is shown.'),
  outcome: pageOutcome.describe('Where the text of the page comes from, or why it has none.'),
  characters: count.describe('How many characters of text the page has.'),
  error_code: storedErrorCode,
  text_layer: textLayer
    .nullable()
    .describe(
      'Null unless the text layer of the page could not be right, as with fonts whose codes stand for no characters. ' +
        '"replaced": the text is a better reading of the page. "suspect": there was none, and the text may be garbled.',
    ),
});

export const documentPagesResponseSchema = z
  .object({
    document_id: documentId,
    pages: z.array(documentPageSchema).describe('In order of their numbers.'),
    next_cursor: nextCursor,
  })
  .meta({ id: 'DocumentPages' });
export type DocumentPagesResponse = z.infer<typeof documentPagesResponseSchema>;
