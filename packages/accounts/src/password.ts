import { randomBytes } from 'node:crypto';
import { hash, parseOptions, verify } from '@node-rs/argon2';

/** What OWASP's Password Storage Cheat Sheet asks of argon2id at least: 19 MiB, two passes, one thread. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** Algorithm.Argon2id. The library declares its enums as ambient constants, which a module compiled alone cannot read. */
const argon2id = 2;

/** The same password can be typed in several ways on several machines. */
function bytesOf(password: string): Buffer {
  return Buffer.from(password.normalize('NFKC'), 'utf8');
}

/** Hashes a password with argon2id. @returns the PHC string. It takes about 20 ms of a processor and 19 MiB. */
export function hashPassword(password: string): Promise<string> {
  return hash(bytesOf(password), { ...cost, algorithm: argon2id });
}

/** Makes a password of 144 random bits. */
export function newPassword(): string {
  return randomBytes(18).toString('base64url');
}

let unknown: Promise<string> | undefined;

/**
 * Compares a password with a stored hash. Without one, for an unknown user or one without a password, it takes as long and is
 * false, so that the time does not tell who has an account.
 */
export async function verifyPassword(stored: string | null, password: string): Promise<boolean> {
  unknown ??= hashPassword(newPassword());
  const matches = await verify(stored ?? (await unknown), bytesOf(password));
  return matches && stored !== null;
}

/** True when the hash was made with another cost than new ones. It is replaced at the next sign-in. */
export function isOutdated(stored: string): boolean {
  const { algorithm, memoryCost, timeCost, parallelism } = parseOptions(stored);
  return (
    algorithm !== argon2id ||
    memoryCost !== cost.memoryCost ||
    timeCost !== cost.timeCost ||
    parallelism !== cost.parallelism
  );
}
