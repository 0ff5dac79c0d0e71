import { isDeepStrictEqual } from 'node:util';
import { errorCatalogue, problemSchema } from '@millrace/contracts';
import type { Response } from 'supertest';
import { endpoints } from '../src/endpoints';
import type { NamedEndpoint } from '../src/http/endpoint';
import { errorsOf } from '../src/http/endpointErrors';

const patterns = endpoints
  .map((endpoint) => ({ endpoint, pattern: new RegExp(`^${endpoint.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`) }))
  .sort((a, b) => (a.endpoint.path < b.endpoint.path ? -1 : 1));

/** Finds the endpoint that answers a request, if any. */
function findEndpoint(method: string, url: string): NamedEndpoint | undefined {
  const { pathname } = new URL(url);
  const path = patterns.find(({ pattern }) => pattern.test(pathname))?.endpoint.path;
  return endpoints.find((endpoint) => endpoint.path === path && endpoint.method === method);
}

/** Compares answers with the declarations of their endpoints. */
export class AnswerRecorder {
  /** The answers that their endpoints do not declare. */
  readonly faults: string[] = [];
  /** The answers that came: an operation id with a status, or with an error code. */
  readonly answers = new Set<string>();

  record(method: string, url: string, response: Response): void {
    const endpoint = findEndpoint(method, url);
    if (!endpoint) {
      return;
    }
    const fault = this.check(endpoint, response);
    if (fault) {
      this.faults.push(`${method} ${url} answered ${response.status}: ${fault}`);
    }
  }

  private check(endpoint: NamedEndpoint, { status, body, text, type }: Response): string | undefined {
    if (type === 'application/problem+json') {
      const { code } = problemSchema.parse(body);
      this.answers.add(`${endpoint.operationId} ${code}`);
      const declared = errorsOf(endpoint).find((error) => error === code);
      return declared && errorCatalogue[declared].status === status ? undefined : `${code} is not declared`;
    }
    const declared = endpoint.responses[status];
    if (!declared) {
      return 'the status is not declared';
    }
    this.answers.add(`${endpoint.operationId} ${status}`);
    if (!declared.schema) {
      return text ? `the body should be empty, but is ${text}` : undefined;
    }
    if (type !== (declared.contentType ?? 'application/json')) {
      return `the content type is ${type}`;
    }
    const answer = declared.contentType ? text : body;
    const parsed = declared.schema.safeParse(answer);
    if (!parsed.success) {
      return parsed.error.message;
    }
    // Parsing leaves out what the schema does not have.
    return isDeepStrictEqual(parsed.data, answer) ? undefined : 'the body has more than its schema';
  }
}
