import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { waitFor } from './waitFor';

/** Runs a query on a connection of its own. @returns its first row. */
export async function ask<T>(url: string, statement: string): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows[0] as T;
  } finally {
    await client.end();
  }
}

/** Returns the account that PostgreSQL runs as. It refuses to run as root. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) {
    return {};
  }
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** A streaming replica of a PostgreSQL server on this machine, made with pg_basebackup. */
export class ReplicaServer {
  private child: ChildProcess | null = null;

  private constructor(
    private readonly binaries: string,
    private readonly folder: string,
    readonly url: string,
  ) {}

  /** Makes and starts a replica. @param url of a database on the primary, as superuser. @param port a free port. */
  static async of(url: string, port: number): Promise<ReplicaServer> {
    const { setting } = await ask<{ setting: string }>(url, `SELECT setting FROM pg_config WHERE name = 'BINDIR'`);
    const folder = mkdtempSync(join(tmpdir(), 'millrace-replica-'));
    chmodSync(folder, 0o777);
    execFileSync(
      join(setting, 'pg_basebackup'),
      ['--dbname', url, '--pgdata', join(folder, 'data'), '--write-recovery-conf', '--checkpoint=fast', '--no-sync'],
      { cwd: '/', stdio: 'pipe', ...account() },
    );
    const replicaUrl = new URL(url);
    replicaUrl.port = String(port);
    const replica = new ReplicaServer(setting, folder, replicaUrl.toString());
    await replica.start();
    return replica;
  }

  async start(): Promise<void> {
    const settings = {
      port: new URL(this.url).port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: 200,
      // Its data is deleted after the test.
      fsync: 'off',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.child = spawn(join(this.binaries, 'postgres'), ['-D', join(this.folder, 'data'), ...args], {
      cwd: '/',
      stdio: 'ignore',
      ...account(),
    });
    await waitFor('the replica to answer', () =>
      ask<object>(this.url, 'SELECT 1').then(
        () => true,
        () => false,
      ),
    );
  }

  /** Stops the server in fast mode, which ends its sessions at once. */
  async stop(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      await ended;
    }
  }

  /** Stops the server and deletes its data. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
