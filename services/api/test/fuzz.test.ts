import { randomUUID } from 'node:crypto';
import { endedDocument } from '@millrace/test-support/lifecycle';
import fc from 'fast-check';
import { endpoints } from '../src/endpoints';
import type { NamedEndpoint } from '../src/http/endpoint';
import { openApiDocument } from '../src/http/openApiDocument';
import { hostileTexts, type JsonSchema, nearlyValid } from './fuzz';
import { TestApi } from './support';

/*
 * Every endpoint gets requests that nearly fit its declaration, made from its schemas. None may be answered with a 500, and each
 * answer must be one that the endpoint declares (see AnswerRecorder).
 */

interface Operation {
  parameters: { name: string; in: string; schema: JsonSchema }[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
}

/** FUZZ_CASES asks for more than a run of all tests has time for. */
const casesPerEndpoint = Number(process.env.FUZZ_CASES ?? 20);

const document = JSON.parse(JSON.stringify(openApiDocument(endpoints))) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
};
const resolve = (reference: string) => document.components.schemas[reference.split('/').at(-1) ?? ''] ?? {};

let api: TestApi;
let ids: string[];
beforeAll(async () => {
  api = await TestApi.start();
  const { documentId, jobId, chunkIds } = await endedDocument(api.database, 2, {
    failures: { 1: 'EMBEDDING_REJECTED' },
  });
  ids = [documentId, jobId, ...chunkIds];
});
afterAll(() => api.stop());

/** The values of the names in the path: ids that exist, ids that do not, and hostile texts. */
const pathPart = () =>
  fc.oneof(fc.constantFrom(...ids), fc.constant(randomUUID()), fc.constantFrom(...hostileTexts)).map((text) => {
    const sent = encodeURIComponent(text.toWellFormed());
    return sent === '' || /^\.+$/.test(sent) ? '%20' : sent;
  });

function requestsOf({ method, path }: NamedEndpoint) {
  const operation = document.paths[path]?.[method.toLowerCase()] as Operation;
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query');
  const query = fc.record(Object.fromEntries(inQuery.map(({ name, schema }) => [name, nearlyValid(schema, resolve)])), {
    requiredKeys: [],
  });
  const json = operation.requestBody?.content['application/json']?.schema;
  const names = [...path.matchAll(/\{\w+\}/g)].map(([name]) => name);
  return fc.record({
    parts: fc.tuple(...names.map(pathPart)),
    query,
    body: json ? nearlyValid(json, resolve) : fc.constant(undefined),
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.toWellFormed() : (JSON.stringify(value) ?? '');
}

test.each(endpoints)('$operationId answers whatever it is sent, and never with a 500', async (endpoint) => {
  await fc.assert(
    fc.asyncProperty(requestsOf(endpoint), async ({ parts, query, body }) => {
      let part = 0;
      const path = endpoint.path.replaceAll(/\{\w+\}/g, () => parts[part++] ?? '');
      const asked = new URLSearchParams(
        Object.fromEntries(Object.entries(query).map(([name, value]) => [name, textOf(value)])),
      );
      const request = send(endpoint, `${path}?${asked}`.slice(0, 12_000));
      const response = await (body === undefined
        ? request
        : request.type('application/json').send(JSON.stringify(body)));
      if (response.status >= 500 && endpoint.operationId !== 'getReadiness') {
        throw new Error(`${endpoint.method} ${path}?${asked} ${JSON.stringify(body)} answered ${response.text}`);
      }
    }),
    { numRuns: casesPerEndpoint },
  );
  expect(api.recorder.faults).toEqual([]);
});

function send({ method }: NamedEndpoint, address: string) {
  switch (method) {
    case 'GET':
      return api.client.get(address);
    case 'DELETE':
      return api.client.delete(address);
    case 'POST':
      return api.client.post(address);
    case 'PATCH':
      return api.client.patch(address);
    case 'PUT':
      return api.client.put(address);
  }
}

test('After all that, the tables and the prototype of objects are as they were', async () => {
  expect((await api.client.get('/api/v1/documents')).status).toBe(200);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});
