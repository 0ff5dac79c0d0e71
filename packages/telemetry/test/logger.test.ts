import { createLogger } from '../src';

function lines(log: (logger: ReturnType<typeof createLogger>) => void): string {
  let written = '';
  const logger = createLogger('tester', 'info', {
    write: (line: string) => {
      written += line;
    },
  });
  log(logger);
  return written;
}

describe('The logger', () => {
  test('When something is logged, then it is one JSON object with service, level, time and ids', () => {
    const entry = JSON.parse(lines((logger) => logger.info({ documentId: 'd', jobId: 'j' }, 'hello'))) as object;
    expect(entry).toMatchObject({ service: 'tester', level: 'info', documentId: 'd', jobId: 'j', msg: 'hello' });
    expect(entry).toHaveProperty('time', expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/));
  });

  test('When a failed Redis command is logged, then its arguments are left out: of AUTH they are the password', () => {
    const error = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['the-password'] } });
    const text = lines((logger) => logger.warn({ err: error }, 'fault'));
    expect(text).toContain('WRONGPASS');
    expect(text).not.toContain('the-password');
  });

  test('When a request is logged, then its credentials are left out', () => {
    const credentials = { authorization: 'Bearer the-key', 'x-api-key': 'the-key', cookie: 'the-key' };
    const headers = { ...credentials, 'x-document-password': 'the-key', host: 'here' };
    const text = lines((logger) => logger.info({ req: { headers } }, 'request'));
    expect(text).toContain('here');
    expect(text).not.toContain('the-key');
  });
});
