import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import type {
  DocumentView,
  JobView,
  Problem,
  SearchRequest,
  SearchResponse,
  UploadResponse,
} from '@millrace/contracts';

/** The API refused a request. The problem document says why. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
  ) {
    super(problem.detail ?? problem.title ?? `The API answered with status ${status}.`);
    this.name = 'ApiError';
  }
}

/** The calls that the command line and the benchmarks make. Each throws ApiError when the API refuses it. */
export class ApiClient {
  constructor(
    private readonly apiUrl: string,
    private readonly apiKey: string,
  ) {}

  getDocument(id: string, signal: AbortSignal): Promise<DocumentView> {
    return this.call(`documents/${id}`, { signal });
  }

  getJob(id: string, signal: AbortSignal): Promise<JobView> {
    return this.call(`jobs/${id}`, { signal });
  }

  search(search: SearchRequest, signal: AbortSignal): Promise<SearchResponse> {
    const headers = { 'content-type': 'application/json' };
    return this.call('search', { method: 'POST', headers, body: JSON.stringify(search), signal });
  }

  /** Uploads a file with these options. It is read from disk while it is sent. */
  async upload(file: string, signal: AbortSignal, options: Record<string, string> = {}): Promise<UploadResponse> {
    const body = new FormData();
    for (const [name, value] of Object.entries(options)) {
      body.set(name, value);
    }
    body.set('file', await openAsBlob(file, { type: 'application/octet-stream' }), basename(file));
    return this.call('documents', { method: 'POST', body, signal });
  }

  private async call<T>(path: string, init: RequestInit): Promise<T> {
    const headers = { ...init.headers, authorization: `Bearer ${this.apiKey}`, accept: 'application/json' };
    const response = await fetch(`${this.apiUrl}/api/v1/${path}`, { ...init, headers });
    const text = await response.text();
    if (!response.ok) {
      throw new ApiError(response.status, parseProblem(text));
    }
    return JSON.parse(text) as T;
  }
}

function parseProblem(text: string): Partial<Problem> {
  try {
    return JSON.parse(text) as Partial<Problem>;
  } catch {
    // Not from the API itself, for example the page of a proxy.
    return { detail: text.slice(0, 300) };
  }
}
