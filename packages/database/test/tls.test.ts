import { MillraceError } from '@millrace/contracts';
import { clientConfig, tlsWarning } from '../src';

const server = 'postgresql://u:p@db.example.org:5432/millrace';

function refusal(url: string, caFile?: string): MillraceError {
  try {
    clientConfig(url, caFile);
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError);
    return error as MillraceError;
  }
  throw new Error('the URL was taken');
}

describe('The settings of a database URL', () => {
  test('When the URL does not mention TLS, then there is none, whatever PGSSLMODE says', () => {
    expect(clientConfig(server)).toEqual({ connectionString: server, ssl: false });
    expect(clientConfig(`${server}?sslmode=disable&application_name=x`)).toEqual({
      connectionString: `${server}?application_name=x`,
      ssl: false,
    });
  });

  test('When sslmode is require, then any certificate is accepted', () => {
    expect(clientConfig(`${server}?sslmode=require`)).toEqual({
      connectionString: server,
      ssl: { rejectUnauthorized: false },
    });
  });

  test('When sslmode is verify-full, then the certificate is verified for the host of the URL', () => {
    expect(clientConfig(`${server}?sslmode=verify-full`).ssl).toEqual({ host: 'db.example.org' });
    expect(clientConfig(`${server}?sslmode=verify-full&sslrootcert=system`).ssl).toEqual({ host: 'db.example.org' });
    expect(clientConfig('postgresql://u@[::1]/x?ssl=true').ssl).toEqual({ host: '::1' });
  });

  test('When there is a CA file and no mode, then the mode is verify-full', () => {
    expect(clientConfig(server, __filename).ssl).toEqual({
      host: 'db.example.org',
      ca: expect.stringContaining('The settings of a database URL'),
    });
  });

  test.each(['prefer', 'allow', 'no-verify', 'VERIFY-FULL'])('When sslmode is %s, then it is refused', (mode) => {
    const error = refusal(`${server}?sslmode=${mode}`);
    expect(error.code).toBe('SETUP_INVALID');
    expect(error.message).toContain('disable, require, verify-ca, verify-full');
    expect(error.message).not.toContain('u:p');
  });

  test('When verify-ca has no CA file, or the CA file is missing, then the error says so', () => {
    expect(refusal(`${server}?sslmode=verify-ca`).message).toContain('DATABASE_CA_FILE');
    expect(refusal(`${server}?sslmode=verify-ca&sslrootcert=system`).message).toContain('verify-full');
    expect(refusal(`${server}?sslmode=verify-full`, '/no/such/ca.pem').message).toContain('/no/such/ca.pem');
    expect(refusal(`${server}?sslmode=require&sslkey=/no/such/key.pem`).message).toContain('/no/such/key.pem');
  });
});

describe('The warning for a connection that is not encrypted', () => {
  const warning = (url: string, caFile?: string) => tlsWarning('DATABASE_URL', url, caFile);

  test.each([
    server,
    'postgresql://u:p@10.0.0.5/x',
    'postgresql://u:p@postgres/x',
    'postgresql://u:p@base/x?host=db.internal',
  ])('When %s is on another machine, then the warning names the setting and not the password', (url) => {
    expect(warning(url)).toMatch(/not encrypted.*sslmode=verify-full to DATABASE_URL.*DATABASE_CA_FILE/);
    expect(warning(url)).not.toContain('u:p');
  });

  test.each([
    'postgresql://u@127.0.0.1:5432/x',
    'postgresql://u@localhost/x',
    'postgresql://u@[::1]/x',
    'postgresql://u@%2Fvar%2Frun%2Fpostgresql/x',
    'postgresql://u@base/x?host=/var/run/postgresql',
    `${server}?sslmode=require`,
    `${server}?sslmode=disable`,
    `${server}?ssl=true`,
  ])('When %s stays on this machine, is encrypted, or says that it is not, then there is none', (url) => {
    expect(warning(url)).toBeNull();
  });

  test('When a CA file is configured, then the connection is encrypted', () => {
    expect(warning(server, __filename)).toBeNull();
  });
});
