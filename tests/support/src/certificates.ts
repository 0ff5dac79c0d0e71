import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** A certificate authority for one test, made with the program openssl. */
export class TestCa {
  readonly certificate: string;
  private readonly key: string;

  /** @param folder of its files. */
  constructor(
    private readonly folder: string,
    private readonly name: string,
  ) {
    this.certificate = join(folder, `${name}.pem`);
    this.key = join(folder, `${name}.key`);
    this.make(name, ['-addext', 'basicConstraints=critical,CA:TRUE']);
  }

  /** Makes a certificate for a server. @param names such as DNS:localhost or IP:127.0.0.1. */
  issue(server: string, names: string): { certificate: string; key: string } {
    this.make(server, ['-CA', this.certificate, '-CAkey', this.key, '-addext', `subjectAltName=${names}`]);
    return { certificate: join(this.folder, `${server}.pem`), key: join(this.folder, `${server}.key`) };
  }

  private make(name: string, more: readonly string[]): void {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', join(this.folder, `${name}.key`), '-out', join(this.folder, `${name}.pem`)];
    execFileSync(
      'openssl',
      ['req', '-x509', '-days', '2', '-subj', `/CN=${this.name} ${name}`, ...curve, ...files, ...more],
      {
        stdio: 'pipe',
      },
    );
  }
}
