import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackContext } from '../context';
import { readJson } from '../files';

/** The passwords of the services this checkout starts; made once. */
export interface Secrets {
  readonly postgresPassword: string;
  readonly redisPassword: string;
}

function isSecrets(value: unknown): value is Secrets {
  return (
    typeof value === 'object' &&
    value !== null &&
    'postgresPassword' in value &&
    typeof value.postgresPassword === 'string' &&
    'redisPassword' in value &&
    typeof value.redisPassword === 'string'
  );
}

/** Returns the passwords kept in STATE_DIR/secrets.json (mode 0600), making them the first time. Needs the lock. */
export function loadSecrets(context: StackContext): Secrets {
  const file = join(context.stateDir, 'secrets.json');
  const kept = readJson(file);
  if (isSecrets(kept)) {
    return kept;
  }
  // Letters and digits only, so that they need no escaping in a URL or a configuration file.
  const make = () => randomBytes(24).toString('hex');
  const secrets = { postgresPassword: make(), redisPassword: make() };
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
