import { type ErrorCode, errorCatalogue } from '@millrace/contracts';
import { z } from 'zod';
import type { NamedEndpoint, ResponseDeclaration, UploadBody } from './endpoint';
import { errorsOf } from './endpointErrors';
import { problemOf } from './problems';

type Json = Record<string, unknown>;

/** Makes the OpenAPI 3.1 document of the endpoints. Every schema with an id is one of its components. */
export function openApiDocument(endpoints: readonly NamedEndpoint[]) {
  const paths: Record<string, Json> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method.toLowerCase()]: operationOf(endpoint) };
  }
  const codes = [...new Set(endpoints.flatMap(errorsOf))].sort();
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace',
      version: '1',
      description:
        'Turns documents into searchable vectors, durably. Every error is a problem document with a stable code.',
    },
    components: {
      schemas: componentSchemas(),
      examples: Object.fromEntries(codes.map((code) => [code, { value: problemOf(code, null) }])),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        header: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
    paths,
  };
}

function componentSchemas(): Json {
  const { schemas } = z.toJSONSchema(z.globalRegistry, { io: 'input', uri: refTo, override: withoutIntegerBounds });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $id: _id, $schema: _schema, ...schema }]) => [id, schema]),
  );
}

function operationOf(endpoint: NamedEndpoint): Json {
  const { operationId, path, summary, description, query, headers, body, access, rateClass } = endpoint;
  const [, , , resource = 'service'] = path.split('/');
  return {
    operationId,
    tags: [resource],
    summary,
    ...(description ? { description } : {}),
    security: access === 'public' ? [] : [{ bearer: [] }, { header: [] }],
    'x-rate-class': rateClass,
    parameters: [
      ...parameters('path', z.object(endpoint.params)),
      ...parameters('query', query),
      ...parameters('header', headers),
    ],
    ...(body?.kind === 'json'
      ? { requestBody: { required: body.required, content: { 'application/json': { schema: schemaOf(body.schema) } } } }
      : {}),
    ...(body?.kind === 'upload' ? { requestBody: uploadBody(body) } : {}),
    responses: { ...answersOf(endpoint.responses), ...problemsOf(errorsOf(endpoint)) },
  };
}

function parameters(place: 'path' | 'query' | 'header', fields: z.ZodObject = z.object({})): Json[] {
  return Object.entries(propertiesOf(fields))
    .filter(([, schema]) => !isRefused(schema))
    .map(([name, { description, ...schema }]) => ({
      name,
      in: place,
      required: place === 'path',
      ...(description ? { description } : {}),
      schema,
    }));
}

/** True for a parameter that is declared only so that it is refused: its schema allows no value. */
function isRefused(schema: Json): boolean {
  return JSON.stringify(schema) === '{"not":{}}';
}

function uploadBody({ form, mediaTypes }: UploadBody): Json {
  const file = { type: 'string', format: 'binary' };
  return {
    required: true,
    content: {
      'multipart/form-data': {
        schema: { type: 'object', required: ['file'], properties: { file, ...propertiesOf(form) } },
      },
      ...Object.fromEntries(mediaTypes.map((type) => [type, { schema: file }])),
    },
  };
}

function answersOf(responses: Record<number, ResponseDeclaration>): Json {
  return Object.fromEntries(
    Object.entries(responses).map(([status, { description, schema, contentType = 'application/json' }]) => [
      status,
      schema ? { description, content: { [contentType]: { schema: schemaOf(schema) } } } : { description },
    ]),
  );
}

/** Problems with the same status share one response. Its description and its examples name their codes. */
function problemsOf(codes: ErrorCode[]): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = errorCatalogue[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, sharing]) => [
      status,
      {
        description: sharing.join(', '),
        content: {
          'application/problem+json': {
            schema: { $ref: refTo('Problem') },
            examples: Object.fromEntries(sharing.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
          },
        },
      },
    ]),
  );
}

function schemaOf(schema: z.ZodType): Json {
  const id = schema.meta()?.id;
  if (id !== undefined) {
    return { $ref: refTo(id) };
  }
  const { $schema: _schema, ...inline } = z.toJSONSchema(schema, { override: withoutIntegerBounds });
  return inline;
}

function refTo(id: string): string {
  return `#/components/schemas/${id}`;
}

/** Gives the JSON schemas of the fields of a form, a query or a path, as they are once parsed from text. */
function propertiesOf(fields: z.ZodObject): Record<string, Json> {
  return (z.toJSONSchema(fields, { io: 'output', override: withoutIntegerBounds }).properties ?? {}) as Record<
    string,
    Json
  >;
}

/** Removes the bounds of safe integers, which zod adds to every integer. Examples would show -9007199254740991. */
function withoutIntegerBounds({ jsonSchema }: { jsonSchema: { minimum?: number; maximum?: number } }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) {
    delete jsonSchema.minimum;
  }
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) {
    delete jsonSchema.maximum;
  }
}
