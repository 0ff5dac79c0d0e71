import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigError, keyPattern } from './config';

/**
 * The key that guards the API: MILLRACE_API_KEY, else the one kept in STATE_DIR/api-key, which is made
 * (mode 0600) when it is not there. `generated` is true for the caller that made it, who should print it.
 * @throws ConfigError when the kept key is not one.
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
  if (publish(file, `${key}\n`)) {
    return { key, generated: true };
  }
  const kept = readFileSync(file, 'utf8').trim();
  if (!keyPattern.test(kept)) {
    throw new ConfigError([{ path: [file], message: 'does not hold a key; delete it to have a new one made' }]);
  }
  return { key: kept, generated: false };
}

/**
 * Makes the file with its whole content at once, unless it is there: of several processes starting at the same moment
 * exactly one makes the key, and none reads half of it. @returns whether this call made it.
 */
function publish(file: string, content: string): boolean {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, content, { mode: 0o600 });
  try {
    linkSync(temporary, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw error;
    }
    return false;
  } finally {
    rmSync(temporary);
  }
}
