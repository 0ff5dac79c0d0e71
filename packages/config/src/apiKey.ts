import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './config';

/**
 * The key that guards the API: MILLRACE_API_KEY, else the one kept in STATE_DIR/api-key, which is made
 * (mode 0600) when it is not there. `generated` is true for the caller that made it, who should print it.
 */
export function resolveApiKey(config: Pick<Config, 'MILLRACE_API_KEY' | 'STATE_DIR'>): {
  key: string;
  generated: boolean;
} {
  if (config.MILLRACE_API_KEY) {
    return { key: config.MILLRACE_API_KEY, generated: false };
  }
  const file = join(config.STATE_DIR, 'api-key');
  mkdirSync(config.STATE_DIR, { recursive: true });
  const key = `mr_${randomBytes(24).toString('base64url')}`;
  try {
    // 'wx' fails when the file is there, so of several processes starting at once exactly one makes the key.
    writeFileSync(file, `${key}\n`, { flag: 'wx', mode: 0o600 });
    return { key, generated: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw error;
    }
    return { key: readFileSync(file, 'utf8').trim(), generated: false };
  }
}
