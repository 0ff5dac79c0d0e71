import { Database } from '@millrace/database';
import { producerConnection, Queues, untilReady } from '@millrace/queues';
import type { RunningService } from '@millrace/runtime';
import { createLogger, type Logger } from '@millrace/telemetry';
import { createTestEnvironment, type TestEnvironment, testApiKey } from '@millrace/test-support';
import request from 'supertest';
import { startApi } from '../src';

/** The API alone, on a database, queues and files of one test's own. */
export class TestApi {
  /** Connections of the test's own to the API's database. */
  readonly database: Database;
  private closeQueues: () => Promise<unknown> = async () => undefined;

  private constructor(
    readonly environment: TestEnvironment,
    private readonly service: RunningService,
  ) {
    const { DATABASE_URL } = environment.config();
    this.database = new Database({
      url: DATABASE_URL,
      poolMax: 5,
      connectTimeoutMs: 5_000,
      applicationName: 'test',
    });
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

  /** The API's queues; call it once. */
  async openQueues(): Promise<Queues> {
    const { REDIS_URL, QUEUE_PREFIX } = this.environment.config();
    const connection = producerConnection(REDIS_URL, createLogger('test', 'silent'));
    await untilReady(connection, 5_000);
    const queues = new Queues(connection, QUEUE_PREFIX);
    this.closeQueues = () => queues.close().then(() => connection.quit());
    return queues;
  }

  /** Stops the API and leaves its database, queues and files. */
  async end(): Promise<void> {
    for (const phase of this.service.stop) {
      await phase.run();
    }
  }

  async stop(): Promise<void> {
    await this.end();
    await this.closeQueues();
    await this.database.close();
    await this.environment.cleanUp();
  }

  /** A request without the key. */
  get anonymous() {
    return request(this.url);
  }

  /** A request with the key. */
  get client() {
    return request.agent(this.url).set('Authorization', `Bearer ${testApiKey}`);
  }
}
