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

/** A client that repeats an upload until it is answered. */
export class Client {
  /** The number of requests that had to be repeated. */
  repeated = 0;
  /** The number of requests that are being sent or wait for their answer. */
  inFlight = 0;

  constructor(
    private readonly apiUrl: () => string | undefined,
    private readonly signal: AbortSignal,
  ) {}

  /** Uploads a file. @throws Error when the API refuses the file for good. */
  async upload(document: ChaosDocument): Promise<UploadResponse> {
    for (;;) {
      this.signal.throwIfAborted();
      this.inFlight += 1;
      const answer = await this.uploadOnce(document).finally(() => {
        this.inFlight -= 1;
      });
      if (answer) {
        return answer;
      }
      this.repeated += 1;
      await sleep(againMs, undefined, { signal: this.signal });
    }
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
    throw new Error(`The upload of ${name} was refused: ${status} ${body.code} ${body.detail}`);
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
