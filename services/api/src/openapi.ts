import {
  documentChunksResponseSchema,
  documentPagesResponseSchema,
  documentSchema,
  errorCatalogue,
  jobChunksQuerySchema,
  jobChunksResponseSchema,
  jobSchema,
  pageQuerySchema,
  problemSchema,
  searchRequestSchema,
  searchResponseSchema,
  uploadResponseSchema,
} from '@millrace/contracts';
import { z } from 'zod';

/** The schemas that stand under components, by the name clients see. */
const components = {
  Document: documentSchema,
  Job: jobSchema,
  JobChunks: jobChunksResponseSchema,
  DocumentChunks: documentChunksResponseSchema,
  DocumentPages: documentPagesResponseSchema,
  Upload: uploadResponseSchema,
  SearchRequest: searchRequestSchema,
  SearchResponse: searchResponseSchema,
  Problem: problemSchema,
} as const satisfies Record<string, z.ZodType>;

type ComponentName = keyof typeof components;

interface Operation {
  method: 'get' | 'post' | 'delete';
  path: string;
  summary: string;
  query?: z.ZodObject;
  body?: Record<string, unknown>;
  /** Successful answers by status; null where there is no body. */
  answers: Record<number, { description: string; schema: ComponentName | null }>;
  problems: (keyof typeof errorCatalogue)[];
}

const upload: Operation = {
  method: 'post',
  path: '/api/v1/documents',
  summary: 'Upload a PDF',
  body: {
    required: true,
    content: {
      'multipart/form-data': {
        schema: {
          type: 'object',
          required: ['file'],
          properties: {
            file: { type: 'string', format: 'binary' },
            collection_id: { type: 'string', format: 'uuid' },
          },
        },
      },
      'application/pdf': { schema: { type: 'string', format: 'binary' } },
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
    'UPLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'COLLECTION_NOT_FOUND',
    'STORAGE_UNAVAILABLE',
    'DATABASE_UNAVAILABLE',
  ],
};

const operations: Operation[] = [
  upload,
  {
    method: 'get',
    path: '/api/v1/documents/{id}',
    summary: 'A document and its status',
    answers: { 200: { description: 'The document', schema: 'Document' } },
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
    answers: { 200: { description: 'A page of chunks in reading order', schema: 'DocumentChunks' } },
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
    summary: "A job's chunks, with a count for each status",
    query: jobChunksQuerySchema,
    answers: { 200: { description: 'The counts and a page of chunks', schema: 'JobChunks' } },
    problems: ['JOB_NOT_FOUND', 'REQUEST_INVALID'],
  },
  {
    method: 'post',
    path: '/api/v1/search',
    summary: 'Search by meaning',
    body: {
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/SearchRequest' } } },
    },
    answers: { 200: { description: 'The nearest chunks, nearest first', schema: 'SearchResponse' } },
    problems: ['REQUEST_INVALID', 'JSON_MALFORMED', 'COLLECTION_NOT_FOUND', 'DOCUMENT_NOT_FOUND'],
  },
];

/** The OpenAPI 3.1 document, made from the same zod schemas that parse requests and type the answers. */
export function openApiDocument() {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(components)) {
    registry.add(schema, { id });
  }
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    uri: (id) => `#/components/schemas/${id}`,
    override: withoutIntegerBounds,
  });
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace',
      version: '1',
      description: 'Turns PDFs into searchable vectors, durably. Every error is a problem document with a stable code.',
    },
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIds(schema)])),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        header: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
    security: [{ bearer: [] }, { header: [] }],
    paths,
  };
}

/** zod says of every integer that it is a safe one; in examples that becomes -9007199254740991. */
function withoutIntegerBounds({ jsonSchema }: { jsonSchema: { minimum?: number; maximum?: number } }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) {
    delete jsonSchema.minimum;
  }
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) {
    delete jsonSchema.maximum;
  }
}

function withoutIds({ $id: _id, $schema: _schema, ...schema }: Record<string, unknown>): Record<string, unknown> {
  return schema;
}

function describe(operation: Operation) {
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', format: 'uuid' },
  }));
  const [, , , resource = ''] = operation.path.split('/');
  return {
    tags: [resource],
    summary: operation.summary,
    parameters: [...inPath, ...queryParameters(operation.query)],
    ...(operation.body ? { requestBody: operation.body } : {}),
    responses: { ...answersOf(operation), ...problemsOf([...operation.problems, 'UNAUTHENTICATED']) },
  };
}

function queryParameters(query: z.ZodObject | undefined) {
  if (!query) {
    return [];
  }
  const { properties = {} } = z.toJSONSchema(query, { io: 'output', override: withoutIntegerBounds });
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}

function answersOf({ answers }: Operation) {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema }]) => [
      status,
      schema
        ? { description, content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } } }
        : { description },
    ]),
  );
}

/** Problems that share a status share a response; its description names their codes. */
function problemsOf(codes: (keyof typeof errorCatalogue)[]) {
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { status } = errorCatalogue[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.join(', '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}
