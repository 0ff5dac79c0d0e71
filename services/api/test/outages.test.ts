import { readdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { testServers, textPdf, waitFor } from '@millrace/test-support';
import { TestApi } from './support';

/** A wire to a real server that can be cut: while it is, connections end and new ones are refused at once. */
class Wire {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private isCut = false;

  private constructor(host: string, port: number) {
    this.server = createServer((near) => {
      if (this.isCut) {
        near.destroy();
        return;
      }
      const far = connect(port, host);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.sockets.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  static async to(url: string): Promise<{ wire: Wire; url: string }> {
    const target = new URL(url);
    const wire = new Wire(target.hostname, Number(target.port));
    await new Promise<void>((resolve) => wire.server.listen(0, '127.0.0.1', resolve));
    target.hostname = '127.0.0.1';
    target.port = String((wire.server.address() as AddressInfo).port);
    return { wire, url: target.toString() };
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) {
      socket.destroy();
    }
  }

  /** Keeps connections open but passes nothing on, as a frozen server does. */
  freeze(): void {
    for (const socket of this.sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  mend(): void {
    this.isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe('When Redis is away', () => {
  test('then an upload is still accepted, and the API says that it is not ready', async () => {
    const { wire, url } = await Wire.to(testServers().redisUrl);
    const api = await TestApi.start({ REDIS_URL: url });
    try {
      wire.cut();
      await waitFor('the API to notice', async () => (await api.anonymous.get('/readyz')).status === 503);
      const upload = await api.client.post('/api/v1/documents').attach('file', await textPdf(['Kept.']), 'a.pdf');
      expect(upload).toMatchObject({ status: 202, body: { job: { status: 'queued' } } });
      wire.mend();
      await waitFor('the API to recover', async () => (await api.anonymous.get('/readyz')).status === 200);
    } finally {
      wire.mend();
      await api.stop();
      await wire.close();
    }
  });
});

describe('When Redis is frozen', () => {
  test('then an upload is accepted all the same', async () => {
    const { wire, url } = await Wire.to(testServers().redisUrl);
    const api = await TestApi.start({ REDIS_URL: url });
    try {
      wire.freeze();
      const upload = await api.client.post('/api/v1/documents').attach('file', await textPdf(['Kept.']), 'a.pdf');
      expect(upload.status).toBe(202);
    } finally {
      wire.cut();
      await api.stop();
      await wire.close();
    }
  });
});

describe('When the database is away', () => {
  test('then an upload is refused with DATABASE_UNAVAILABLE, nothing stays, and it works again afterwards', async () => {
    const api = await TestApi.start();
    const { wire, url } = await Wire.to(api.environment.config().DATABASE_URL);
    const wired = await TestApi.start({ DATABASE_URL: url, DATABASE_CONNECT_TIMEOUT_MS: '1000' });
    try {
      wire.cut();
      const pdf = await textPdf(['Refused at first.']);
      const refused = await wired.client.post('/api/v1/documents').attach('file', pdf, 'a.pdf');
      expect(refused).toMatchObject({ status: 503, body: { code: 'DATABASE_UNAVAILABLE', retryable: true } });
      const blobs = await readdir(wired.environment.config().BLOB_DIR, { recursive: true, withFileTypes: true });
      expect(blobs.filter((entry) => entry.isFile())).toEqual([]);
      expect((await wired.anonymous.get('/readyz')).status).toBe(503);
      expect((await wired.anonymous.get('/healthz')).status).toBe(200);
      wire.mend();
      const accepted = await wired.client.post('/api/v1/documents').attach('file', pdf, 'a.pdf');
      expect(accepted.status).toBe(202);
    } finally {
      wire.mend();
      await wired.stop();
      await wire.close();
      await api.stop();
    }
  });
});
