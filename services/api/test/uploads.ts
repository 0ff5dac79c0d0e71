import { readdir } from 'node:fs/promises';
import { textPdf } from '@millrace/test-support';
import { TestApi } from './support';

/** The upload limit of the API in these tests, in bytes. */
export const maxBytes = 100_000;

/** An API for uploads, with the files and the rows that they leave. */
export class UploadApi {
  private constructor(
    readonly api: TestApi,
    /** A small document. */
    readonly pdf: Buffer,
  ) {}

  static async start(): Promise<UploadApi> {
    const api = await TestApi.start({ UPLOAD_MAX_BYTES: String(maxBytes) });
    return new UploadApi(api, await textPdf(['A small document.']));
  }

  stop(): Promise<void> {
    return this.api.stop();
  }

  post() {
    return this.api.client.post('/api/v1/documents');
  }

  async files(): Promise<string[]> {
    const entries = await readdir(this.api.environment.config().BLOB_DIR, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  }

  async rows(): Promise<number> {
    const { count } = await this.api.database.sql.one<{ count: number }>(
      'SELECT count(*)::integer AS count FROM documents',
    );
    return count;
  }
}
