import { type ErrorCode, errorCatalogue, problemSchema } from '@millrace/contracts';
import { validate } from '@readme/openapi-parser';
import { endpoints } from '../src/endpoints';
import { errorsOf } from '../src/http/endpointErrors';
import { openApiDocument } from '../src/http/openApiDocument';

interface Operation {
  operationId: string;
  summary: string;
  security: object[];
  'x-rate-class': string;
  parameters: { name: string; in: string; description?: string }[];
  requestBody?: { content: Record<string, { schema: { properties?: Record<string, { description?: string }> } }> };
  responses: Record<string, { content?: Record<string, { examples?: Record<string, object> }> }>;
}

const document = openApiDocument(endpoints);
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, ...(operation as Operation) })),
);
const operation = (id: string) => operations.find(({ operationId }) => operationId === id) as Operation;

function codesOf({ responses }: Operation): string[] {
  return Object.values(responses).flatMap(({ content }) =>
    Object.keys(content?.['application/problem+json']?.examples ?? {}),
  );
}

/** Lists the fields without a description, at any depth. A reference has that of its schema. */
function undescribed(schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) {
    return [];
  }
  return Object.entries(schema).flatMap(([key, value]) => {
    const inner = undescribed(value, `${path}/${key}`);
    const fields = key === 'properties' ? Object.entries<object>(value) : [];
    return [
      ...inner,
      ...fields.filter(([, field]) => !('description' in field || '$ref' in field)).map(([name]) => `${path}/${name}`),
    ];
  });
}

describe('The OpenAPI document', () => {
  test('is valid OpenAPI 3.1', async () => {
    expect(document.openapi).toBe('3.1.0');
    // The validator resolves references in what it gets.
    expect(await validate(JSON.parse(JSON.stringify(document)))).toMatchObject({ valid: true });
  });

  test('has an operation for each endpoint, with its errors', () => {
    expect(operations.map(({ operationId, method, path }) => [operationId, method, path])).toEqual(
      expect.arrayContaining(endpoints.map((one) => [one.operationId, one.method.toLowerCase(), one.path])),
    );
    for (const endpoint of endpoints) {
      expect(codesOf(operation(endpoint.operationId)).sort()).toEqual(errorsOf(endpoint).sort());
    }
  });

  test.each<[string, ErrorCode[]]>([
    ['getHealth', ['HEADERS_TOO_LARGE', 'INTERNAL', 'REQUEST_INVALID']],
    ['getJob', ['JOB_NOT_FOUND', 'UNAUTHENTICATED', 'DATABASE_UNAVAILABLE', 'DATABASE_BUSY', 'DATABASE_TIMEOUT']],
    ['retryJobPages', ['JSON_MALFORMED', 'PAYLOAD_TOO_LARGE', 'JOB_NOT_RETRYABLE']],
    ['searchChunks', ['EMBEDDING_UNAVAILABLE', 'SETUP_INVALID', 'DATABASE_UNAVAILABLE', 'COLLECTION_NOT_FOUND']],
    ['uploadDocument', ['DOCUMENT_IN_PROGRESS', 'PDF_ENCRYPTION_UNSUPPORTED', 'UNLOCK_BUSY', 'UPLOAD_TOO_LARGE']],
  ])('lists the errors of %s that follow from its access, its body and its resources', (id, codes) => {
    expect(codesOf(operation(id))).toEqual(expect.arrayContaining(codes));
  });

  test('has no database error for an endpoint that does not use the database', () => {
    const codes = ['HEADERS_TOO_LARGE', 'INTERNAL', 'REQUEST_INVALID', 'REQUEST_TOO_SLOW'];
    expect(codesOf(operation('getHealth')).sort()).toEqual(codes);
  });

  test('has an example of each error, which is a problem document', () => {
    for (const [code, { value }] of Object.entries(document.components.examples)) {
      expect(problemSchema.parse(value)).toMatchObject({ code, status: errorCatalogue[code as ErrorCode].status });
    }
  });

  test('uses each of its schemas', () => {
    const text = JSON.stringify(document);
    for (const name of Object.keys(document.components.schemas)) {
      expect(text).toContain(`"#/components/schemas/${name}"`);
    }
  });

  test('says who may call an operation, and its rate class', () => {
    expect(operation('getHealth').security).toEqual([]);
    expect(operation('getJob').security).toHaveLength(2);
    expect(operation('uploadDocument')['x-rate-class']).toBe('upload');
  });

  test('describes every parameter and every field of the upload form', () => {
    const fields = operation('uploadDocument').requestBody?.content['multipart/form-data']?.schema.properties ?? {};
    const { file: _file, ...options } = fields;
    expect(Object.keys(options)).toContain('password');
    for (const described of [...operations.flatMap(({ parameters }) => parameters), ...Object.values(options)]) {
      expect(described).toMatchObject({ description: expect.any(String) });
    }
  });

  test('describes every field of its schemas', () => {
    expect(undescribed(document.components.schemas)).toEqual([]);
  });

  test('does not offer a password in the address, where it would be logged', () => {
    const names = operation('uploadDocument').parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(names).toContain('header X-Document-Password');
    expect(names).toContain('query filename');
    expect(names).not.toContain('query password');
  });
});
