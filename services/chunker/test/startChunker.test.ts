import { loadConfig } from '@millrace/config';
import { createLogger } from '@millrace/telemetry';
import { startChunker } from '../src';

test('When a language of OCR is not installed, then the chunker refuses to start before it connects, and names the language', async () => {
  const config = loadConfig({
    DATABASE_URL: 'postgresql://nobody:nothing@127.0.0.1:1/none',
    REDIS_URL: 'redis://127.0.0.1:1',
    OCR_LANGUAGES: 'eng+xho',
  });
  await expect(startChunker(config, createLogger('test', 'silent'))).rejects.toMatchObject({
    code: 'SETUP_INVALID',
    message: expect.stringContaining('OCR_LANGUAGES names xho'),
  });
});
