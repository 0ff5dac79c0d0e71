import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './freePort';
import { waitFor } from './waitFor';

/** Says what must be installed before PgBouncer can start. Empty when nothing is missing. */
export function missingPgBouncer(): string {
  const { status } = spawnSync('pgbouncer', ['--version']);
  return status === 0 ? '' : 'PgBouncer must be installed (on Debian or Ubuntu, as root: apt-get install pgbouncer).';
}

/** A PgBouncer in transaction mode in front of a PostgreSQL server, with so few sessions that its clients share them. */
export class PgBouncer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly port: number,
  ) {}

  /** @param url of any database on the server. */
  static async before(url: string, { sessions }: { sessions: number }): Promise<PgBouncer> {
    const { hostname, port: serverPort, username, password } = new URL(url);
    const folder = mkdtempSync(join(tmpdir(), 'millrace-pgbouncer-'));
    chmodSync(folder, 0o755);
    const port = await freePort();
    const file = join(folder, 'pgbouncer.ini');
    const isRoot = process.getuid?.() === 0;
    const settings = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      // Every client may connect, as the user below.
      auth_type: 'any',
      pool_mode: 'transaction',
      default_pool_size: sessions,
      max_client_conn: 200,
      // PgBouncer asks a server that has refused a session again after a second, instead of after fifteen.
      server_login_retry: 1,
      ...(isRoot ? { user: 'postgres' } : {}),
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    writeFileSync(
      file,
      `[databases]\n* = host=${hostname} port=${serverPort} user=${username} password=${decodeURIComponent(password)}\n[pgbouncer]\n${lines.join('\n')}\n`,
      { mode: 0o600 },
    );
    if (isRoot) {
      execFileSync('chown', ['postgres', file]);
    }
    const child = spawn('pgbouncer', ['-q', file], { stdio: 'ignore' });
    const pooler = new PgBouncer(child, folder, port);
    await waitFor('PgBouncer to listen', () => answers(port)).catch(async (error) => {
      await pooler.stop();
      throw error;
    });
    return pooler;
  }

  /** Returns the URL of the same database through PgBouncer. */
  through(url: string): string {
    const changed = new URL(url);
    changed.hostname = '127.0.0.1';
    changed.port = String(this.port);
    return changed.toString();
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      const ended = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
