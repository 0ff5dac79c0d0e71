import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createTestDatabase, type TestDatabase, waitFor } from '@millrace/test-support';
import { Database } from '../src';

/** A server that accepts connections and stays silent, like a frozen one, until it is thawed. */
class SilentServer {
  private isFrozen = true;
  /** The number of connections that were accepted. */
  accepted = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(private readonly url: string) {
    const { hostname, port } = new URL(url);
    this.server = createServer((near) => {
      this.accepted += 1;
      const both = this.isFrozen ? [near] : [near, connect(Number(port), hostname)];
      for (const socket of both) {
        this.sockets.add(socket);
        socket.on('error', () => undefined);
      }
      const [, far] = both;
      if (far) {
        near.pipe(far).pipe(near);
      }
    });
  }

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const { port } = this.server.address() as AddressInfo;
    return Object.assign(new URL(this.url), { hostname: '127.0.0.1', port: String(port) }).toString();
  }

  thaw(): void {
    this.isFrozen = false;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) {
      socket.destroy();
    }
    this.server.close();
    await once(this.server, 'close');
  }
}

describe('When a server does not answer new connections', () => {
  let testDatabase: TestDatabase;
  let server: SilentServer;
  let database: Database;
  /** Long, so that a thawed server answers in time on a busy machine too. */
  const patient = { connectTimeoutMs: 2_000, maxOutageMs: 60_000 };
  const impatient = { connectTimeoutMs: 300, maxOutageMs: 1_500 };
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
  });
  afterAll(() => testDatabase.drop());
  beforeEach(async () => {
    server = new SilentServer(testDatabase.url);
  });
  const open = async (limits: typeof patient) => {
    database = new Database({ url: await server.listen(), poolMax: 1, applicationName: 'test', ...limits });
  };
  afterEach(async () => {
    await database?.close();
    await server?.close();
  });

  /** Starts one caller that opens a connection and others that wait for it. */
  const statements = () => Array.from({ length: 6 }, () => database.sql.one<{ one: number }>('SELECT 1 AS one'));

  test('and answers again in time, then all callers are answered, also those that waited for a connection', async () => {
    await open(patient);
    const answers = Promise.all(statements());
    await waitFor('a second attempt to connect', async () => server.accepted >= 2);
    server.thaw();
    expect(await answers).toEqual(Array(6).fill({ one: 1 }));
  });

  test('and stays silent, then all callers get DATABASE_UNAVAILABLE', async () => {
    await open(impatient);
    const codes = (await Promise.allSettled(statements())).map(
      (result) => result.status === 'rejected' && result.reason.code,
    );
    expect(codes).toEqual(Array(6).fill('DATABASE_UNAVAILABLE'));
  });
});
