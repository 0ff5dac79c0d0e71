import { type Actor, MillraceError, newId } from '@millrace/contracts';
import type { Database, SigningKeyRow } from '@millrace/database';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

/** The only algorithm of our own tokens: Ed25519. */
export const signingAlgorithm = 'EdDSA';

/** How long tokens of a replaced key are accepted beyond their lifetime: clocks differ, and a token may be signed just then. */
const graceMs = 60_000;
/** A process reads the keys again after this time, so that one that no longer verifies is soon forgotten. */
const longestKnownMs = 60_000;

/** An unknown key is looked for at most this often, so that forged tokens do not become statements. */
const reloadMs = 1_000;

/**
 * The keys that sign access tokens. They are in the database, so that all API processes share them. The newest signs. Older ones
 * verify until their tokens have expired. A process learns of a new key from the first token that names it.
 */
export class SigningKeys {
  private verifiers: ReadonlyMap<string, CryptoKey> = new Map();
  private readonly signers = new Map<string, CryptoKey>();
  private loadedAt = Number.NEGATIVE_INFINITY;
  private loading: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly options: { tokenLifetimeMs: number; maxAgeMs: number; longestKnownMs?: number },
  ) {}

  /** Finds the key that signs. Makes the first one, and replaces one that is too old. */
  async current(): Promise<{ id: string; key: CryptoKey }> {
    const row = await this.database.signingKeys.findCurrent();
    if (row && row.ageMs < this.options.maxAgeMs) {
      return { id: row.id, key: await this.signerOf(row) };
    }
    await this.replace(row, { kind: 'system' });
    const made = await this.database.signingKeys.findCurrent();
    if (!made) {
      throw new MillraceError('INTERNAL', 'No key signs access tokens.');
    }
    return { id: made.id, key: await this.signerOf(made) };
  }

  /** Makes a new key that signs from now on. @returns its id. */
  async rotate(actor: Actor): Promise<string> {
    await this.replace(await this.database.signingKeys.findCurrent(), actor);
    return (await this.current()).id;
  }

  /** Finds the public key of a token, or null. */
  async verifierOf(id: string): Promise<CryptoKey | null> {
    const ageMs = performance.now() - this.loadedAt;
    if (!this.verifiers.has(id) && ageMs >= reloadMs) {
      await this.reload();
    } else if (ageMs >= (this.options.longestKnownMs ?? longestKnownMs)) {
      // No request waits for it, and none fails while the database is away.
      this.reload().catch(() => undefined);
    }
    return this.verifiers.get(id) ?? null;
  }

  /** Reads the keys, once for all requests of the moment. */
  private reload(): Promise<void> {
    this.loading ??= this.load().finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  /** Lists the public keys whose tokens are accepted. */
  async publicKeys(): Promise<JWK[]> {
    return (await this.database.signingKeys.list()).map(publicJwk);
  }

  private async load(): Promise<void> {
    const rows = await this.database.signingKeys.list();
    const imported = await Promise.all(rows.map((row) => importJWK(publicJwk(row), signingAlgorithm)));
    this.verifiers = new Map(rows.map(({ id }, index) => [id, imported[index] as CryptoKey]));
    this.loadedAt = performance.now();
  }

  private async signerOf({ id, privateKey }: SigningKeyRow): Promise<CryptoKey> {
    const key = this.signers.get(id) ?? ((await importJWK(privateKey as JWK, signingAlgorithm)) as CryptoKey);
    this.signers.set(id, key);
    return key;
  }

  /** Puts a new key in the place of this one, unless another process has done so. */
  private async replace(old: SigningKeyRow | null, actor: Actor): Promise<void> {
    const { privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true });
    const jwk = await exportJWK(privateKey);
    const id = await calculateJwkThumbprint(jwk);
    const verifiesForMs = this.options.tokenLifetimeMs + graceMs;
    await this.database.transaction(async ({ signingKeys, actions }) => {
      if (old !== null && !(await signingKeys.retire(old.id, verifiesForMs))) {
        return;
      }
      await signingKeys.removeExpired();
      if ((await signingKeys.insert({ id, privateKey: { ...jwk } })) && old !== null) {
        await actions.record({ id: newId(), kind: 'signing_key_rotated', actor, details: { key_id: id } });
      }
    });
  }
}

/** The public part of a key, as it is published. */
function publicJwk({ id, privateKey }: SigningKeyRow): JWK {
  const { kty, crv, x } = privateKey as { kty: string; crv: string; x: string };
  return { kty, crv, x, kid: id, alg: signingAlgorithm, use: 'sig' };
}
