import { Writable } from 'node:stream';
import { createLogger } from '@millrace/telemetry';
import { encryptedPdf, waitFor } from '@millrace/test-support';
import { TestApi } from './support';

const password = 'Zwiebelkuchen-4712';
let log = '';
let api: TestApi;
beforeAll(async () => {
  const destination = new Writable({
    write(line, _encoding, done) {
      log += line;
      done();
    },
  });
  api = await TestApi.start({}, createLogger('test', 'trace', destination));
});
afterAll(() => api.stop());

test.each(['password', 'p%61ssword', 'Password', 'password[]', 'password[a]'])(
  'When a password is in the address as %s, then the log has the request without it',
  async (name) => {
    log = '';
    const pdf = await encryptedPdf(password);
    await api.client
      .post(`/api/v1/documents?filename=a.pdf&${name}=${password}&${name}=${password}`)
      .attach('file', pdf, 'a.pdf');
    await api.client.get(`/nowhere?${name}=${password}`);
    await waitFor('both requests in the log', async () => log.includes('filename=a.pdf') && log.includes('/nowhere'));
    expect(log).toContain('Redacted');
    expect(log).not.toContain(password);
  },
);
