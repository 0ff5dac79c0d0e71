import { randomUUID } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { request } from 'node:http';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type {
  DocumentView,
  JobView,
  Problem,
  SearchRequest,
  SearchResponse,
  UploadResponse,
} from '@millrace/contracts';

/** The API refused a request; the problem document says why. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
  ) {
    super(problem.detail ?? problem.title ?? `The API answered with status ${status}.`);
    this.name = 'ApiError';
  }
}

/** Parses an answer; a problem document becomes an ApiError. */
function parseAnswer<T>(status: number, body: string): T {
  if (status >= 200 && status < 300) {
    return JSON.parse(body) as T;
  }
  let problem: Partial<Problem>;
  try {
    problem = JSON.parse(body) as Partial<Problem>;
  } catch {
    // Not from the API itself, a proxy's page for example.
    problem = { detail: body.slice(0, 300) };
  }
  throw new ApiError(status, problem);
}

/** The few calls that the demo makes. */
export class ApiClient {
  constructor(
    private readonly apiUrl: string,
    private readonly apiKey: string,
  ) {}

  private headers(): Record<string, string> {
    return { authorization: `Bearer ${this.apiKey}`, accept: 'application/json' };
  }

  private async call<T>(path: string, init: RequestInit): Promise<T> {
    const response = await fetch(`${this.apiUrl}${path}`, {
      ...init,
      headers: { ...this.headers(), 'content-type': 'application/json' },
    });
    return parseAnswer<T>(response.status, await response.text());
  }

  getDocument(id: string, signal: AbortSignal): Promise<DocumentView> {
    return this.call<DocumentView>(`/api/v1/documents/${id}`, { signal });
  }

  getJob(id: string, signal: AbortSignal): Promise<JobView> {
    return this.call<JobView>(`/api/v1/jobs/${id}`, { signal });
  }

  search(search: SearchRequest, signal: AbortSignal): Promise<SearchResponse> {
    return this.call<SearchResponse>('/api/v1/search', { method: 'POST', body: JSON.stringify(search), signal });
  }

  /** Uploads a file as multipart/form-data, read from disk while it is sent. */
  async upload(file: string, signal: AbortSignal): Promise<UploadResponse> {
    const boundary = `millrace-${randomUUID()}`;
    const name = basename(file).replace(/["\r\n]/g, '_');
    const head = Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n` +
        'content-type: application/octet-stream\r\n\r\n',
    );
    const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
    const outgoing = request(`${this.apiUrl}/api/v1/documents`, {
      method: 'POST',
      signal,
      headers: {
        ...this.headers(),
        'content-type': `multipart/form-data; boundary=${boundary}`,
        'content-length': head.length + statSync(file).size + tail.length,
      },
    });
    const answer = new Promise<UploadResponse>((resolve, reject) => {
      outgoing.once('error', reject);
      outgoing.once('response', (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          body += text;
        });
        response.once('error', reject);
        response.once('end', () => {
          try {
            resolve(parseAnswer<UploadResponse>(response.statusCode ?? 0, body));
          } catch (error) {
            reject(error as Error);
          }
        });
      });
    });
    const parts = async function* () {
      yield head;
      yield* createReadStream(file);
      yield tail;
    };
    // An upload that is refused may be cut off before it is sent whole; what the API answered says more.
    const sent = pipeline(parts, outgoing).catch(() => answer);
    const [result] = await Promise.all([answer, sent]);
    return result;
  }
}
