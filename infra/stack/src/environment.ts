import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/**
 * Returns the environment with the checkout's .env file below it: what is set in the environment wins, even
 * when it is set to nothing.
 */
export function readEnvironment(
  root: string,
  environment: Record<string, string | undefined>,
): Record<string, string | undefined> {
  const file = join(root, '.env');
  return existsSync(file) ? { ...parseEnv(readFileSync(file, 'utf8')), ...environment } : { ...environment };
}
