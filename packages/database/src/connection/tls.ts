import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { asSentence, MillraceError } from '@millrace/contracts';
import type { ClientConfig } from 'pg';

const modes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof modes)[number];

/** The TLS parameters of a URL. The driver gets a URL without them, because it gives the modes other meanings. */
const parameters = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl', 'uselibpqcompat'] as const;

/** The TLS settings of a URL. */
export interface TlsSettings {
  /** The URL without its TLS parameters. */
  url: string;
  mode: SslMode;
  /** The trusted CAs. When it is undefined, verify-full trusts the public CAs that Node.js knows. */
  caFile: string | undefined;
  /** The client's own certificate. */
  certificateFile: string | undefined;
  keyFile: string | undefined;
}

/**
 * Reads the TLS settings of a URL. The modes mean the same as in libpq:
 * - `disable`, the default: no TLS.
 * - `require`: TLS with any certificate. With a CA file it is verify-ca.
 * - `verify-ca`: TLS with a certificate that the CA has signed, for any host.
 * - `verify-full`, the default when there is a CA file: TLS with a certificate that the CA has signed for the host of the
 *   URL. Without a CA file, or with `sslrootcert=system`, it trusts the public CAs that Node.js knows.
 * `sslcert` and `sslkey` name the client's own certificate. `allow` and `prefer` are refused, because they silently fall
 * back to no TLS.
 * @param caFile the CA file, unless the URL names one.
 * @throws MillraceError SETUP_INVALID for an unknown mode, or for a mode and a CA file that contradict each other.
 */
export function tlsSettings(url: string, caFile?: string): TlsSettings {
  const parsed = new URL(url);
  const given = Object.fromEntries(parameters.map((name) => [name, parsed.searchParams.get(name) || undefined]));
  for (const name of parameters) {
    parsed.searchParams.delete(name);
  }
  const rootFile = given.sslrootcert ?? caFile;
  const mode = checkMode(given.sslmode ?? (given.ssl === 'true' || rootFile ? 'verify-full' : 'disable'), rootFile);
  return {
    url: parsed.toString(),
    mode,
    caFile: rootFile === 'system' ? undefined : rootFile,
    certificateFile: given.sslcert,
    keyFile: given.sslkey,
  };
}

/**
 * Returns the driver's settings for a URL. See tlsSettings.
 * @throws MillraceError SETUP_INVALID, also for files that cannot be read.
 */
export function clientConfig(url: string, caFile?: string): ClientConfig {
  const settings = tlsSettings(url, caFile);
  const { mode, certificateFile, keyFile } = settings;
  const parsed = new URL(settings.url);
  const host = parsed.searchParams.get('host') ?? parsed.hostname.replace(/^\[|\]$/g, '');
  const ssl = mode !== 'disable' && {
    ...verification(mode, settings.caFile, host),
    ...(certificateFile ? { cert: read('sslcert', certificateFile) } : {}),
    ...(keyFile ? { key: read('sslkey', keyFile) } : {}),
  };
  return { connectionString: settings.url, ssl };
}

/**
 * Returns a warning when the address is of another machine and the connection is not encrypted, else null. An address with
 * sslmode=disable gets no warning, because it is an explicit choice.
 * @param variable the variable that has the address
 * @throws MillraceError SETUP_INVALID, as tlsSettings does
 */
export function tlsWarning(variable: string, url: string, caFile?: string): string | null {
  const { searchParams, hostname } = new URL(url);
  const host = searchParams.get('host') ?? hostname;
  if (tlsSettings(url, caFile).mode !== 'disable' || searchParams.has('sslmode') || isThisMachine(host)) {
    return null;
  }
  return (
    `The connection to the database on ${host} is not encrypted, its password and texts included. ` +
    `Add ?sslmode=verify-full to ${variable}, and name the server's CA in DATABASE_CA_FILE unless it is a public one. ` +
    `On a network that nobody else can read, add ?sslmode=disable.`
  );
}

/** True for the loopback addresses and for the folder of a socket. */
function isThisMachine(host: string): boolean {
  return /^(|localhost|127(\.\d+){3}|\[?::1\]?|%2F.*|\/.*)$/i.test(host);
}

function checkMode(mode: string, rootFile: string | undefined): SslMode {
  const known = modes.find((name) => name === mode);
  if (!known) {
    throw new MillraceError('SETUP_INVALID', `sslmode is "${mode}" in the database URL; use ${modes.join(', ')}.`);
  }
  if (rootFile === 'system' && known !== 'verify-full') {
    throw new MillraceError('SETUP_INVALID', 'sslrootcert=system needs sslmode=verify-full in the database URL.');
  }
  if (known === 'verify-ca' && !rootFile) {
    throw new MillraceError(
      'SETUP_INVALID',
      'sslmode=verify-ca needs a CA file: set DATABASE_CA_FILE, or sslrootcert in the database URL.',
    );
  }
  return known;
}

function verification(mode: SslMode, rootFile: string | undefined, host: string): ConnectionOptions {
  if (mode === 'require' && !rootFile) {
    return { rejectUnauthorized: false };
  }
  const ca = rootFile ? { ca: read('The CA file', rootFile) } : {};
  // The driver passes no host when it is an IP address. Node.js would then compare the certificate with "localhost".
  return mode === 'verify-full' ? { ...ca, host } : { ...ca, checkServerIdentity: () => undefined };
}

function read(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MillraceError(
      'SETUP_INVALID',
      `${what} of the database connection cannot be read: ${asSentence(reason)}`,
      {
        cause: error,
      },
    );
  }
}
