import { createHash, randomBytes } from 'node:crypto';

/** Makes a refresh token of 256 random bits. */
export function newRefreshToken(): string {
  return `mrr_${randomBytes(32).toString('base64url')}`;
}

/** What is stored of a refresh token. It has too many bits to be guessed, so a plain hash is enough. */
export function refreshTokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
