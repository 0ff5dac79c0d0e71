import { type ErrorCode, errorCatalogue } from '@millrace/contracts';
import { z } from 'zod';
import { components, type Operation, operations, propertiesOf, withoutIntegerBounds } from './operations';

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
      description:
        'Turns documents into searchable vectors, durably. Every error is a problem document with a stable code.',
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
    parameters: [...inPath, ...parameters('query', operation.query), ...parameters('header', operation.headers)],
    ...(operation.body ? { requestBody: operation.body } : {}),
    responses: { ...answersOf(operation), ...problemsOf([...operation.problems, 'UNAUTHENTICATED']) },
  };
}

function parameters(place: 'query' | 'header', fields: z.ZodObject | undefined) {
  return Object.entries(fields ? propertiesOf(fields) : {}).map(([name, schema]) => ({
    name,
    in: place,
    required: false,
    schema,
  }));
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
function problemsOf(codes: ErrorCode[]) {
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
