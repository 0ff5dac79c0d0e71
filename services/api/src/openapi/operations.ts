import {
  bulkRetryRequestSchema,
  bulkRetryResponseSchema,
  documentChunksResponseSchema,
  documentDetailSchema,
  documentPagesResponseSchema,
  documentSchema,
  type ErrorCode,
  jobChunkDetailSchema,
  jobChunksQuerySchema,
  jobChunksResponseSchema,
  jobSchema,
  pageQuerySchema,
  problemSchema,
  retryChunksRequestSchema,
  retryGroupSchema,
  retryPagesResponseSchema,
  retryResponseSchema,
  searchRequestSchema,
  searchResponseSchema,
  uploadResponseSchema,
} from '@millrace/contracts';
import { z } from 'zod';
import { acceptedTypes } from '../uploads/mediaType';
import { uploadFields } from '../uploads/uploadFields';

/** The schemas that stand under components, by the name clients see. */
export const components = {
  Document: documentSchema,
  DocumentDetail: documentDetailSchema,
  Job: jobSchema,
  JobChunks: jobChunksResponseSchema,
  JobChunk: jobChunkDetailSchema,
  RetryChunksRequest: retryChunksRequestSchema,
  RetryResponse: retryResponseSchema,
  RetryPagesResponse: retryPagesResponseSchema,
  BulkRetryRequest: bulkRetryRequestSchema,
  BulkRetryResponse: bulkRetryResponseSchema,
  RetryGroup: retryGroupSchema,
  DocumentChunks: documentChunksResponseSchema,
  DocumentPages: documentPagesResponseSchema,
  Upload: uploadResponseSchema,
  SearchRequest: searchRequestSchema,
  SearchResponse: searchResponseSchema,
  Problem: problemSchema,
} as const satisfies Record<string, z.ZodType>;

type ComponentName = keyof typeof components;

export interface Operation {
  method: 'get' | 'post' | 'delete';
  path: string;
  summary: string;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: Record<string, unknown>;
  /** Successful answers by status; null where there is no body. */
  answers: Record<number, { description: string; schema: ComponentName | null }>;
  problems: ErrorCode[];
}

const upload: Operation = {
  method: 'post',
  path: '/api/v1/documents',
  summary: 'Upload a PDF, plain text, Markdown or HTML',
  headers: z.object({ 'X-Document-Password': z.string().optional().describe('Opens the PDF, as the form field does') }),
  query: z.object({ filename: z.string().optional(), ...uploadFields.shape }),
  body: {
    required: true,
    content: {
      'multipart/form-data': {
        schema: {
          type: 'object',
          required: ['file'],
          properties: {
            file: { type: 'string', format: 'binary' },
            ...propertiesOf(uploadFields),
            password: { type: 'string', format: 'password', description: 'Opens the PDF; it is not kept' },
          },
        },
      },
      ...Object.fromEntries(acceptedTypes.map((type) => [type, { schema: { type: 'string', format: 'binary' } }])),
    },
  },
  answers: {
    202: { description: 'Accepted; follow the job', schema: 'Upload' },
    200: { description: 'The collection already holds this content; its first document and job', schema: 'Upload' },
  },
  problems: [
    'UPLOAD_NO_FILE',
    'UPLOAD_EMPTY',
    'UPLOAD_MALFORMED',
    'UPLOAD_INTERRUPTED',
    'UPLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'PDF_PASSWORD_WRONG',
    'PDF_ENCRYPTION_UNSUPPORTED',
    'DOCUMENT_IN_PROGRESS',
    'DOCUMENT_UNREADABLE',
    'UNLOCK_TIMEOUT',
    'UNLOCK_BUSY',
    'UNLOCK_LOST',
    'REQUEST_INVALID',
    'COLLECTION_NOT_FOUND',
    'STORAGE_UNAVAILABLE',
    'DATABASE_UNAVAILABLE',
    'DATABASE_BUSY',
    'DATABASE_TIMEOUT',
    'INTERNAL',
  ],
};

export const operations: Operation[] = [
  upload,
  {
    method: 'get',
    path: '/api/v1/documents/{id}',
    summary: 'A document, its status, and what it lacks',
    answers: { 200: { description: 'The document', schema: 'DocumentDetail' } },
    problems: ['DOCUMENT_NOT_FOUND'],
  },
  {
    method: 'delete',
    path: '/api/v1/documents/{id}',
    summary: 'Delete a document with its original, chunks and vectors',
    answers: { 204: { description: 'Deleted', schema: null } },
    problems: ['DOCUMENT_NOT_FOUND'],
  },
  {
    method: 'get',
    path: '/api/v1/documents/{id}/chunks',
    summary: 'The stored, searchable chunks of a document',
    query: pageQuerySchema,
    answers: { 200: { description: 'A page of chunks in order of chunk_index', schema: 'DocumentChunks' } },
    problems: ['DOCUMENT_NOT_FOUND', 'REQUEST_INVALID'],
  },
  {
    method: 'get',
    path: '/api/v1/documents/{id}/pages',
    summary: 'What became of each page of a document',
    query: pageQuerySchema,
    answers: { 200: { description: 'A page of page outcomes', schema: 'DocumentPages' } },
    problems: ['DOCUMENT_NOT_FOUND', 'REQUEST_INVALID'],
  },
  {
    method: 'get',
    path: '/api/v1/jobs/{id}',
    summary: 'A job and its progress',
    answers: { 200: { description: 'The job', schema: 'Job' } },
    problems: ['JOB_NOT_FOUND'],
  },
  {
    method: 'get',
    path: '/api/v1/jobs/{id}/chunks',
    summary: "A job's chunks, with a count for each status and each error code",
    query: jobChunksQuerySchema,
    answers: { 200: { description: 'The counts and a page of chunks', schema: 'JobChunks' } },
    problems: ['JOB_NOT_FOUND', 'REQUEST_INVALID'],
  },
  {
    method: 'get',
    path: '/api/v1/jobs/{id}/chunks/{chunkId}',
    summary: 'One chunk with its history',
    answers: { 200: { description: 'The chunk', schema: 'JobChunk' } },
    problems: ['JOB_NOT_FOUND', 'CHUNK_NOT_FOUND'],
  },
  {
    method: 'post',
    path: '/api/v1/jobs/{id}/chunks/retry',
    summary: "Retry a job's failed and cancelled chunks; without a body all of them",
    body: jsonBody('RetryChunksRequest', false),
    answers: {
      202: { description: 'Chunks were scheduled, or the document is read again', schema: 'RetryResponse' },
      200: { description: 'There was nothing to schedule', schema: 'RetryResponse' },
    },
    problems: ['REQUEST_INVALID', 'JSON_MALFORMED', 'PAYLOAD_TOO_LARGE', 'JOB_NOT_FOUND', 'JOB_NOT_RETRYABLE'],
  },
  {
    method: 'post',
    path: '/api/v1/jobs/{id}/pages/retry',
    summary: 'Read the failed pages of the document again; those that can be read become further chunks',
    answers: {
      202: { description: 'The pages are read again', schema: 'RetryPagesResponse' },
      200: { description: 'There is nothing to read again', schema: 'RetryPagesResponse' },
    },
    problems: ['REQUEST_INVALID', 'JSON_MALFORMED', 'PAYLOAD_TOO_LARGE', 'JOB_NOT_FOUND', 'JOB_NOT_RETRYABLE'],
  },
  {
    method: 'post',
    path: '/api/v1/jobs/{id}/cancel',
    summary: 'Cancel a job; what is stored already stays',
    answers: {
      200: {
        description: 'The job, cancelled; or as it was, if only its failed pages were to be read again',
        schema: 'Job',
      },
    },
    problems: ['REQUEST_INVALID', 'JOB_NOT_FOUND', 'JOB_ENDED'],
  },
  {
    method: 'post',
    path: '/api/v1/retries',
    summary: 'Retry the failed chunks, and the jobs that failed before they had any, that fit every condition',
    body: jsonBody('BulkRetryRequest'),
    answers: {
      202: { description: 'Chunks were scheduled, or documents are read again', schema: 'BulkRetryResponse' },
      200: { description: 'There was nothing to schedule, or dry_run only counted', schema: 'BulkRetryResponse' },
    },
    problems: ['REQUEST_INVALID', 'JSON_MALFORMED', 'PAYLOAD_TOO_LARGE', 'COLLECTION_NOT_FOUND', 'DOCUMENT_NOT_FOUND'],
  },
  {
    method: 'get',
    path: '/api/v1/retries/{groupId}',
    summary: 'How far a retry has come',
    answers: { 200: { description: 'The retry and where its chunks stand', schema: 'RetryGroup' } },
    problems: ['RETRY_NOT_FOUND'],
  },
  {
    method: 'post',
    path: '/api/v1/search',
    summary: 'Search by meaning',
    body: jsonBody('SearchRequest'),
    answers: { 200: { description: 'The nearest chunks, nearest first', schema: 'SearchResponse' } },
    problems: ['REQUEST_INVALID', 'JSON_MALFORMED', 'COLLECTION_NOT_FOUND', 'DOCUMENT_NOT_FOUND'],
  },
];

function jsonBody(schema: ComponentName, required = true): Record<string, unknown> {
  return { required, content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } } };
}

/** The JSON schemas of an object's fields, as they come out of the text that a form or a query holds. */
export function propertiesOf(fields: z.ZodObject): Record<string, unknown> {
  return z.toJSONSchema(fields, { io: 'output', override: withoutIntegerBounds }).properties ?? {};
}

/** zod says of every integer that it is a safe one; in examples that becomes -9007199254740991. */
export function withoutIntegerBounds({ jsonSchema }: { jsonSchema: { minimum?: number; maximum?: number } }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) {
    delete jsonSchema.minimum;
  }
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) {
    delete jsonSchema.maximum;
  }
}
