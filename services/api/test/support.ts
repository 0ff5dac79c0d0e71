import type { Database } from '@millrace/database';
import type { Queues } from '@millrace/queues';
import type { RunningService } from '@millrace/runtime';
import { createLogger, type Logger } from '@millrace/telemetry';
import { createTestEnvironment, type TestEnvironment, testApiKey } from '@millrace/test-support';
import { openDatabase } from '@millrace/test-support/lifecycle';
import { openQueues } from '@millrace/test-support/queues';
import request, { type Response, type Test } from 'supertest';
import { startApi } from '../src';
import { AnswerRecorder } from './answerRecorder';

/** The API alone, with a database, queues and files that no other test uses. */
export class TestApi {
  /** Checks every answer to `client` and `anonymous`. */
  readonly recorder = new AnswerRecorder();
  /** Connections of the test to the database of the API. */
  readonly database: Database;
  private closeQueues: () => Promise<unknown> = async () => undefined;

  private constructor(
    readonly environment: TestEnvironment,
    private readonly service: RunningService,
  ) {
    this.database = openDatabase(environment.config().DATABASE_URL);
  }

  static async start(
    changes: Record<string, string> = {},
    logger: Logger = createLogger('test', 'silent'),
  ): Promise<TestApi> {
    const environment = await createTestEnvironment(changes);
    try {
      return new TestApi(environment, await startApi(environment.config(), logger));
    } catch (error) {
      await environment.cleanUp();
      throw error;
    }
  }

  get url(): string {
    return this.service.urls.apiUrl ?? '';
  }

  /** Opens the queues of the API. Call it once. */
  async openQueues(): Promise<Queues> {
    const { queues, close } = await openQueues(this.environment.config());
    this.closeQueues = close;
    return queues;
  }

  /** Stops the API and keeps its database, queues and files. */
  async end(): Promise<void> {
    for (const phase of this.service.stop) {
      await phase.run();
    }
  }

  /** Stops the API and removes everything. It fails when an answer was not as its endpoint declares. */
  async stop(): Promise<void> {
    await this.end();
    await this.closeQueues();
    await this.database.close();
    await this.environment.cleanUp();
    if (this.recorder.faults.length > 0) {
      throw new Error(`These answers are not declared:\n${this.recorder.faults.join('\n')}`);
    }
  }

  /** A request without the key. */
  get anonymous() {
    return request.agent(this.url).use((sent: Test) => {
      sent.on('response', (response: Response) => this.recorder.record(sent.method, sent.url, response));
    });
  }

  /** A request with the key. */
  get client() {
    return this.anonymous.set('Authorization', `Bearer ${testApiKey}`);
  }
}
