import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/** PostgreSQL's default. */
const iterations = 4096;

/**
 * Returns a password as PostgreSQL stores it (RFC 5803, SCRAM-SHA-256). It is sent instead of the password, so that the
 * password appears neither in the server's log nor in pg_stat_activity.
 * @param password printable ASCII, which SCRAM does not change.
 */
export function scramVerifier(password: string, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${hmac('Server Key').toString('base64')}`;
}
