import { createLogger, type Logger, type RunningService } from '@millrace/telemetry';
import { createTestEnvironment, type TestEnvironment, testApiKey } from '@millrace/test-support';
import request from 'supertest';
import { startApi } from '../src';

/** The API alone, on a database, queues and files of one test's own. */
export class TestApi {
  private constructor(
    readonly environment: TestEnvironment,
    private readonly service: RunningService,
  ) {}

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

  /** Stops the API and leaves its database, queues and files. */
  async end(): Promise<void> {
    for (const phase of this.service.stop) {
      await phase.run();
    }
  }

  async stop(): Promise<void> {
    await this.end();
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
