import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DocumentView,
  type JobView,
  jobHasEnded,
  type SearchResponse,
  type UploadResponse,
} from '@millrace/contracts';
import { makeRoles } from '@millrace/database';
import { type RunningStack, type SupervisedProcess, startStack } from '@millrace/stack';
import { createTestEnvironment, type TestEnvironment, testApiKey, waitFor } from '@millrace/test-support';

export const root = join(__dirname, '..', '..');

/** Makes the roles of production: the services' role may change no table, and the searches' role may only read. */
async function roleUrls(ownerUrl: string): Promise<{ service: string; readonly: string }> {
  const passwords = { service: 'service-password-of-tests', readonly: 'readonly-password-of-tests' };
  const { names } = await makeRoles({ databaseUrl: ownerUrl, passwords });
  const urlOf = (role: 'service' | 'readonly') => {
    const url = new URL(ownerUrl);
    url.username = names[role];
    url.password = passwords[role];
    return url.toString();
  };
  return { service: urlOf('service'), readonly: urlOf('readonly') };
}

export interface Answer<T> {
  status: number;
  body: T;
}

/** Millrace's processes on a database, queues and files that no other test uses, and the calls of the tests. */
export class TestStack {
  private constructor(
    readonly environment: TestEnvironment,
    readonly stack: RunningStack,
  ) {}

  static async start(changes: Record<string, string> = {}): Promise<TestStack> {
    const environment = await createTestEnvironment({ LOG_LEVEL: 'info', ...changes });
    try {
      const ownerUrl = environment.variables.DATABASE_URL ?? '';
      const roles = await roleUrls(ownerUrl);
      const stack = await startStack({
        root,
        databaseUrl: roles.service,
        redisUrl: environment.variables.REDIS_URL ?? '',
        environment: {
          PATH: process.env.PATH,
          DATABASE_READ_URL: roles.readonly,
          ...environment.variables,
          DATABASE_MIGRATION_URL: ownerUrl,
        },
        stateDir: environment.config().STATE_DIR,
      });
      return new TestStack(environment, stack);
    } catch (error) {
      await environment.cleanUp();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.stack.stop();
    await this.environment.cleanUp();
  }

  /** Returns the process of a service that was started last. */
  newest(service: string): SupervisedProcess {
    const found = this.stack.processes.findLast(({ name }) => name.startsWith(service));
    if (!found) {
      throw new Error(`There is no process of ${service}.`);
    }
    return found;
  }

  /** Stops a process, and calls `meanwhile` once the process has begun to stop. */
  async stopProcess(process: SupervisedProcess, meanwhile: () => void = () => undefined): Promise<void> {
    const stopped = process.stop();
    await waitFor(`${process.name} to begin to stop`, async () =>
      (await readFile(process.log, 'utf8')).includes('"msg":"stopping"'),
    );
    meanwhile();
    await stopped;
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const response = await fetch(`${this.stack.apiUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${testApiKey}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T };
  }

  async upload(
    pdf: Buffer,
    filename = 'test.pdf',
    fields: Record<string, string> = {},
    type = 'application/pdf',
  ): Promise<Answer<UploadResponse>> {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      form.set(name, value);
    }
    form.set('file', new Blob([new Uint8Array(pdf)], { type }), filename);
    const response = await fetch(`${this.stack.apiUrl}/api/v1/documents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testApiKey}` },
      body: form,
    });
    return { status: response.status, body: (await response.json()) as UploadResponse };
  }

  async job(id: string): Promise<JobView> {
    return (await this.call<JobView>('GET', `/api/v1/jobs/${id}`)).body;
  }

  async document(id: string): Promise<DocumentView> {
    return (await this.call<DocumentView>('GET', `/api/v1/documents/${id}`)).body;
  }

  /** Waits until the job has ended. @returns it. */
  async endOf(jobId: string, timeoutMs?: number): Promise<JobView> {
    return waitFor(
      `job ${jobId} to end`,
      async () => {
        const job = await this.job(jobId);
        return jobHasEnded(job.status) && job;
      },
      timeoutMs,
    );
  }

  /** Uploads, and waits until the job has ended. */
  async ingest(pdf: Buffer, filename?: string): Promise<{ job: JobView; document: DocumentView }> {
    const { body } = await this.upload(pdf, filename);
    const job = await this.endOf(body.job.id);
    return { job, document: await this.document(body.document.id) };
  }

  async search(query: string, more: object = {}): Promise<SearchResponse['hits']> {
    return (await this.call<SearchResponse>('POST', '/api/v1/search', { query, ...more })).body.hits;
  }

  /** Lists the files in the blob store, staged ones included. */
  async blobs(): Promise<string[]> {
    const entries = await readdir(this.environment.config().BLOB_DIR, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  }
}
