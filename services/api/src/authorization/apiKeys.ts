import { createHash, randomBytes } from 'node:crypto';

/** How a key that Millrace makes begins. */
const keyStart = 'mr_';
/** How many characters of a key are stored and shown. They leave 208 of its 256 random bits unknown. */
const prefixLength = keyStart.length + 8;

/** Makes an API key of 256 random bits. */
export function newApiKey(): string {
  return `${keyStart}${randomBytes(32).toString('base64url')}`;
}

/** Returns what is stored of a key: its first characters, and its SHA-256 in hexadecimal. A key has too many bits to be guessed. */
export function storedKey(key: string): { prefix: string; keyHash: string } {
  // A key that a person has chosen may be short.
  const prefix = key.startsWith(keyStart) ? key.slice(0, prefixLength) : key.slice(0, 4);
  return { prefix, keyHash: createHash('sha256').update(key).digest('hex') };
}
