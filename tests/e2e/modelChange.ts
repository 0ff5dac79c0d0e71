import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { DocumentChunksResponse } from '@millrace/contracts';
import { Database } from '@millrace/database';
import { probeText } from '@millrace/embedder';
import { type OpenAiServer, startOpenAiServer, textPdf } from '@millrace/test-support';
import { root, TestStack } from './support';

const program = join(root, 'apps/cli/dist/main.js');

export const next = { model: 'next-model', dimensions: 256 };

/** A PDF whose pages make about two chunks each. No chunk is the same in a document of another title. */
export function book(title: string, pages = 3, info = title): Promise<Buffer> {
  const lines = (i: number) => `${title}, page ${i}. ${`${title} goes on with line ${i}. `.repeat(60)}`;
  return textPdf(
    Array.from({ length: pages }, (_, i) => lines(i)),
    { info: { Title: info } },
  );
}

/** A command with its output and its exit code. */
export class Command {
  output = '';
  readonly ended: Promise<number | null>;

  constructor(private readonly child: ReturnType<typeof spawn>) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => {
        this.output += data;
      });
    }
    this.ended = once(child, 'close').then(([code]) => code);
  }

  /** The output of a command that has succeeded. */
  async succeeded(): Promise<string> {
    const code = await this.ended;
    expect([code, this.output]).toEqual([0, this.output]);
    return this.output;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** A stack with a next model, and the server that is its provider. */
export class ModelChangeStack {
  private constructor(
    readonly provider: OpenAiServer,
    readonly millrace: TestStack,
    readonly database: Database,
  ) {}

  /** Starts the stack. The model changes from the static provider's to the server's, unless `changes` sets another. */
  static async start(changes: (provider: OpenAiServer) => Record<string, string> = () => ({})) {
    const provider = await startOpenAiServer();
    const millrace = await TestStack.start({
      NEXT_EMBEDDING_PROVIDER: 'openai',
      NEXT_EMBEDDING_MODEL: next.model,
      NEXT_EMBEDDING_DIMENSIONS: String(next.dimensions),
      NEXT_OPENAI_BASE_URL: provider.baseUrl,
      EMBEDDING_BATCH_SIZE: '4',
      EMBEDDING_CONCURRENCY: '1',
      EMBEDDING_TIMEOUT_MS: '60000',
      RECONCILE_INTERVAL_MS: '500',
      ...changes(provider),
    }).catch(async (error) => {
      await provider.close();
      throw error;
    });
    const { DATABASE_URL: url } = millrace.environment.config();
    const options = { poolMax: 2, connectTimeoutMs: 60_000, applicationName: 'test' };
    return new ModelChangeStack(provider, millrace, new Database({ url, ...options }));
  }

  async stop(): Promise<void> {
    await this.database.close();
    await this.millrace.stop();
    await this.provider.close();
  }

  /** Runs `re-embed ACTION` as the operator does, as the owner of the tables. */
  reEmbed(...args: string[]): Command {
    const { PATH } = process.env;
    const env = { PATH, ...this.millrace.environment.variables };
    return new Command(spawn(process.execPath, [program, 're-embed', ...args], { env, cwd: __dirname }));
  }

  /** Counts the new vectors. */
  async countNext(): Promise<number> {
    const { n } = await this.database.sql.one<{ n: number }>('SELECT count(*)::integer AS n FROM document_chunks_next');
    return n;
  }

  /** The stored chunks of these documents without their vectors and models. */
  chunksOf(documentIds: readonly string[]): Promise<unknown[]> {
    return this.database.sql.many(
      `SELECT to_jsonb(c) - '{embedding,embedding_model,signature_a,updated_at}'::text[] AS row FROM document_chunks c
       WHERE document_id = ANY($1::uuid[]) ORDER BY c.id`,
      [documentIds],
    );
  }

  /** The rows of the documents. */
  documents(documentIds: readonly string[]): Promise<unknown[]> {
    return this.database.sql.many('SELECT * FROM documents WHERE id = ANY($1::uuid[]) ORDER BY id', [documentIds]);
  }

  /** The models of the stored vectors. */
  models(): Promise<unknown[]> {
    return this.database.sql.many(
      'SELECT DISTINCT embedding_model AS model, vector_dims(embedding) AS dimensions FROM document_chunks ORDER BY 1',
    );
  }

  /** The text of a document's first chunk. */
  async textOf(documentId: string): Promise<string> {
    const path = `/api/v1/documents/${documentId}/chunks`;
    const { body } = await this.millrace.call<DocumentChunksResponse>('GET', path);
    return body.chunks[0]?.text ?? '';
  }

  /** The texts that were sent to the next model, probes left out. */
  sent(): string[] {
    return this.provider.requests
      .filter((request) => request.model === next.model)
      .flatMap((request) => request.input)
      .filter((text) => text !== probeText);
  }
}
