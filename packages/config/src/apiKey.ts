import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './config';
import { ConfigError } from './configError';
import { keyPattern } from './variables/types';

/**
 * Returns the key of the API: MILLRACE_API_KEY, otherwise the one in STATE_DIR/api-key. Makes that file (mode 0600)
 * when it does not exist; `generated` is then true, and the caller should print the key.
 * @throws ConfigError when the file does not hold a key.
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
  if (createFile(file, `${key}\n`)) {
    return { key, generated: true };
  }
  const kept = readFileSync(file, 'utf8').trim();
  if (!keyPattern.test(kept)) {
    throw new ConfigError([{ path: [file], message: 'does not hold a key. Delete it, and a new key is made' }]);
  }
  return { key: kept, generated: false };
}

/**
 * Creates the file with its whole content unless it exists. When several processes start at the same moment, exactly one
 * creates it, and none reads a part of it. @returns true when this call created it.
 */
function createFile(file: string, content: string): boolean {
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
