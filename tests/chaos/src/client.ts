import { setTimeout as sleep } from 'node:timers/promises';
import type { Problem, UploadResponse } from '@millrace/contracts';
import { testApiKey } from '@millrace/test-support';
import type { ChaosDocument } from './documents';

const againMs = 300;
/** The client gives up on an answer that takes longer. */
const answerTimeoutMs = 60_000;
/** A file is sent in this many pieces with a pause before each, so that a fault can interrupt the upload. */
const pieces = 5;
const pieceMs = 60;

/** Short, because faults come much more often than in production. */
const retries = { max_retries: '100', chunk_max_retries: '100' };

/** The API has refused a request for good. */
export class Refused extends Error {
  constructor(
    what: string,
    status: number,
    readonly code: string,
    detail: string | undefined,
  ) {
    super(`${what} was refused: ${status} ${code} ${detail}`);
  }
}

/** A client that repeats an upload, or another request, until it is answered. */
export class Client {
  /** The number of requests that had to be repeated. */
  repeated = 0;
  /** The number of requests that are being sent or wait for their answer. */
  inFlight = 0;

  constructor(
    private readonly apiUrl: () => string | undefined,
    private readonly signal: AbortSignal,
  ) {}

  /** Uploads a file. @throws Refused */
  upload(document: ChaosDocument): Promise<UploadResponse> {
    return this.untilAnswered(() => this.uploadOnce(document));
  }

  /** Sends another request. @returns the body of the answer. @throws Refused */
  send(method: string, path: string, body?: object): Promise<unknown> {
    return this.untilAnswered(() => this.sendOnce(method, path, body));
  }

  private async untilAnswered<T>(tryOnce: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      this.signal.throwIfAborted();
      this.inFlight += 1;
      const answer = await tryOnce().finally(() => {
        this.inFlight -= 1;
      });
      if (answer) {
        return answer;
      }
      this.repeated += 1;
      await sleep(againMs, undefined, { signal: this.signal });
    }
  }

  private async sendOnce(method: string, path: string, body?: object): Promise<unknown> {
    let response: Response;
    let answer: object;
    try {
      response = await fetch(`${this.apiUrl()}${path}`, {
        method,
        headers: { authorization: `Bearer ${testApiKey}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(answerTimeoutMs)]),
      });
      answer = (await response.json()) as object;
    } catch {
      return undefined;
    }
    if (response.ok) {
      return answer;
    }
    const { retryable, code, detail } = answer as Problem;
    if (retryable) {
      return undefined;
    }
    throw new Refused(`${method} ${path}`, response.status, code, detail);
  }

  /** Tries once. @returns undefined when no answer came, or one that says to try again. */
  private async uploadOnce({ name, pdf, fields, idempotencyKey }: ChaosDocument): Promise<UploadResponse | undefined> {
    const url = this.apiUrl();
    if (url === undefined) {
      return undefined;
    }
    let status: number;
    let body: UploadResponse | Problem;
    try {
      const form = new FormData();
      for (const [field, value] of Object.entries({ ...retries, ...fields })) {
        form.set(field, value);
      }
      form.set('file', new Blob([new Uint8Array(pdf)], { type: 'application/pdf' }), name);
      // The encoding of the form is taken from a request that is never sent.
      const encoded = new Request(url, { method: 'POST', body: form });
      const response = await fetch(`${url}/api/v1/documents`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${testApiKey}`,
          'content-type': encoded.headers.get('content-type') ?? '',
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        body: slowly(Buffer.from(await encoded.arrayBuffer())),
        duplex: 'half',
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(answerTimeoutMs)]),
      } as RequestInit);
      status = response.status;
      body = (await response.json()) as UploadResponse | Problem;
    } catch {
      // No connection, a broken one, or no answer in time. The next try tells whether the file was accepted.
      return undefined;
    }
    if ('document' in body) {
      return body;
    }
    if (body.retryable) {
      return undefined;
    }
    throw new Refused(`The upload of ${name}`, status, body.code, body.detail);
  }
}

function slowly(bytes: Buffer): ReadableStream<Uint8Array> {
  const size = Math.ceil(bytes.length / pieces);
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent >= bytes.length) {
        controller.close();
        return;
      }
      await sleep(pieceMs);
      controller.enqueue(new Uint8Array(bytes.subarray(sent, sent + size)));
      sent += size;
    },
  });
}
