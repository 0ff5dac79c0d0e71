import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { firstAdminId } from '@millrace/database';
import { waitFor } from '@millrace/test-support';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { TestApi } from './support';

/** A local server that plays an OpenID provider: its discovery document and its keys. */
class Provider {
  keys: JWK[] = [];
  isAway = false;
  /** How many it has got. */
  requests = 0;
  private signer: { kid: string; privateKey: Parameters<SignJWT['sign']>[0] } | undefined;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      this.requests += 1;
      if (this.isAway) {
        response.writeHead(503).end();
        return;
      }
      const documents: Record<string, object> = {
        '/.well-known/openid-configuration': { issuer: this.issuer, jwks_uri: `${this.issuer}/keys` },
        '/keys': { keys: this.keys },
      };
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(documents[request.url ?? ''] ?? {}));
    });
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    await this.rotate();
  }

  /** Signs with a new key from now on. Only its keys are published then. */
  async rotate(): Promise<void> {
    const kid = randomUUID();
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    this.signer = { kid, privateKey };
    this.keys = [{ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }];
  }

  /** Issues a token with these claims; undefined leaves a claim out. */
  token(claims: Record<string, unknown> = {}): Promise<string> {
    const { kid, privateKey } = this.signer ?? {};
    if (!kid || !privateKey) {
      throw new Error('The provider has not started.');
    }
    const seconds = Math.floor(Date.now() / 1000);
    const common = { iss: this.issuer, aud: 'millrace', sub: randomUUID(), iat: seconds, exp: seconds + 300 };
    return new SignJWT({ ...common, ...claims }).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey);
  }

  close(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

const provider = new Provider();
let api: TestApi;
let linking: TestApi;
beforeAll(async () => {
  await provider.start();
  const settings = { OIDC_ISSUER: provider.issuer, OIDC_AUDIENCE: 'millrace' };
  api = await TestApi.start({
    ...settings,
    OIDC_ROLE_CLAIM: 'realm.roles',
    OIDC_ROLE_MAP: 'millrace-admins:admin,ops:operator',
    OIDC_GROUPS_CLAIM: 'groups',
    COLLECTION_MAX_DOCUMENTS: '7',
  });
  linking = await TestApi.start({ ...settings, OIDC_LINK_BY_EMAIL: 'true', OIDC_JWKS_URL: `${provider.issuer}/keys` });
});
afterAll(async () => {
  await api?.stop();
  await linking?.stop();
  await provider.close();
});

const newEmail = () => `${randomUUID()}@example.org`;
async function me(claims: Record<string, unknown> = {}, at = api) {
  return at.anonymous.set('Authorization', `Bearer ${await provider.token(claims)}`).get('/api/v1/me');
}
const seconds = () => Math.floor(Date.now() / 1000);

describe('A token of the outside provider', () => {
  test('When it is the first of its subject, then a user with a collection of its own is made, once', async () => {
    const claims = { sub: randomUUID(), email: newEmail().toUpperCase(), email_verified: true, name: 'Ada' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => me(claims)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body.user.id)).size).toBe(1);
    expect(answers[0]?.body).toMatchObject({
      kind: 'user',
      user: {
        email: claims.email.toLowerCase(),
        name: 'Ada',
        role: 'member',
        has_password: false,
        default_collection_id: expect.any(String),
      },
    });
    const { default_collection_id } = answers[0]?.body.user ?? {};
    const collection = await api.client.get(`/api/v1/collections/${default_collection_id}`);
    expect(collection.body.quotas).toMatchObject({ max_documents: 7, max_bytes: null });
    expect((await me({ sub: randomUUID() })).body.user.id).not.toBe(answers[0]?.body.user.id);
  });

  test.each<[string, () => Record<string, unknown>]>([
    ['another audience', () => ({ aud: 'elsewhere' })],
    ['no audience', () => ({ aud: undefined })],
    ['another issuer', () => ({ iss: 'https://issuer.example.org' })],
    ['no subject', () => ({ sub: undefined })],
    ['no expiry', () => ({ exp: undefined })],
    ['an empty subject', () => ({ sub: '' })],
    ['a subject that is a number', () => ({ sub: 7 })],
    ['a subject that is a list', () => ({ sub: ['a'] })],
    ['a subject with a NUL', () => ({ sub: `a\0${randomUUID()}` })],
    ['a subject with broken Unicode', () => ({ sub: `\ud800${randomUUID()}` })],
    ['a subject that no row can hold', () => ({ sub: 'x'.repeat(3_000) })],
    ['a time of issue in the future', () => ({ iat: seconds() + 3_600, exp: seconds() + 7_200 })],
    ['a time of issue that is no time', () => ({ iat: 1e300, exp: 1e301 })],
    ['a time of issue that is negative', () => ({ iat: -1e300 })],
    ['a time before which it is not valid', () => ({ nbf: seconds() + 60 })],
  ])('When it has %s, then UNAUTHENTICATED', async (_what, claims) => {
    expect((await me(claims())).body).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });

  test('When it has expired, then TOKEN_EXPIRED', async () => {
    expect((await me({ exp: seconds() - 60 })).body).toMatchObject({ status: 401, code: 'TOKEN_EXPIRED' });
  });

  test('When it is signed with a shared secret or not at all, then UNAUTHENTICATED', async () => {
    const [header, payload] = (await provider.token()).split('.');
    const forged = await new SignJWT(JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()))
      .setProtectedHeader({ alg: 'HS256', kid: provider.keys[0]?.kid ?? '' })
      .sign(Buffer.from(JSON.stringify(provider.keys[0])));
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    for (const token of [forged, none, `${header}.${payload}.`]) {
      const answer = await api.anonymous.set('Authorization', `Bearer ${token}`).get('/api/v1/me');
      expect(answer.body).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    }
  });

  test('When the configuration maps its roles, then the highest counts, and a newer token changes it', async () => {
    const sub = randomUUID();
    const at = (iat: number, roles: string[]) => me({ sub, iat, realm: { roles } });
    const roleOf = async (answer: ReturnType<typeof me>) => (await answer).body.user.role;
    const now = seconds();
    expect(await roleOf(at(now - 20, ['other', 'ops']))).toBe('operator');
    expect(await roleOf(at(now - 10, ['ops', 'millrace-admins']))).toBe('admin');
    expect(await roleOf(at(now - 5, []))).toBe('member');
    // A token from before the user was demoted.
    expect(await roleOf(at(now - 10, ['millrace-admins']))).toBe('member');
  });

  test('When the configuration names a claim with groups, then the user belongs to exactly these', async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    for (const name of [first, second]) {
      await api.client.post('/api/v1/groups').send({ name });
    }
    const sub = randomUUID();
    const now = seconds();
    const { id } = (await me({ sub, iat: now - 20, groups: [first, 'unknown'] })).body.user;
    const namesOf = async () =>
      (
        await api.database.sql.many<{ name: string }>(
          'SELECT g.name FROM groups g JOIN group_members m ON m.group_id = g.id WHERE m.user_id = $1',
          [id],
        )
      ).map(({ name }) => name);
    expect(await namesOf()).toEqual([first]);
    await me({ sub, iat: now - 10, groups: [second] });
    expect(await namesOf()).toEqual([second]);
  });

  test('When its user is disabled, then it is refused', async () => {
    const sub = randomUUID();
    const { id } = (await me({ sub })).body.user;
    await api.client.patch(`/api/v1/users/${id}`).send({ status: 'disabled' });
    expect((await me({ sub })).status).toBe(401);
  });

  test('When the provider takes the last admin its role away, then it keeps it', async () => {
    const sub = randomUUID();
    const { id } = (await me({ sub, iat: seconds() - 20, realm: { roles: ['millrace-admins'] } })).body.user;
    await api.database.sql.none(`UPDATE users SET status = 'disabled' WHERE id = $1`, [firstAdminId]);
    await api.database.sql.none(`UPDATE users SET role = 'member' WHERE role = 'admin' AND id NOT IN ($1, $2)`, [
      firstAdminId,
      id,
    ]);
    try {
      expect((await me({ sub, realm: { roles: [] } })).body.user.role).toBe('admin');
    } finally {
      await api.database.sql.none(`UPDATE users SET status = 'active' WHERE id = $1`, [firstAdminId]);
    }
  });
});

describe('A local user with the same e-mail address', () => {
  test('is not taken over, unless the configuration says so and the provider has verified it', async () => {
    const email = newEmail();
    const local = (await api.client.post('/api/v1/users').send({ email })).body;
    expect((await me({ email, email_verified: true })).body).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    expect((await me({ email, email_verified: false })).body.user.id).not.toBe(local.id);
    const other = (await linking.client.post('/api/v1/users').send({ email })).body;
    expect((await me({ email }, linking)).status).toBe(403);
    expect((await me({ email, email_verified: 'true' }, linking)).status).toBe(403);
    const sub = randomUUID();
    expect((await me({ sub, email, email_verified: true }, linking)).body.user.id).toBe(other.id);
    expect((await me({ sub, email: newEmail() }, linking)).body.user.id).toBe(other.id);
  });
});

test('When the address is in another claim than "email", then the provider has not verified it', async () => {
  const fresh = await TestApi.start({
    OIDC_ISSUER: provider.issuer,
    OIDC_AUDIENCE: 'millrace',
    OIDC_LINK_BY_EMAIL: 'true',
    OIDC_EMAIL_CLAIM: 'upn',
  });
  try {
    const [victim, own] = [newEmail(), newEmail()];
    await fresh.client.post('/api/v1/users').send({ email: victim });
    const answer = await me({ upn: victim, email: own, email_verified: true }, fresh);
    expect(answer.body).toMatchObject({ status: 403, code: 'FORBIDDEN' });
  } finally {
    await fresh.stop();
  }
});

test('When tokens of one user come at once, then the role of the newest one stays', async () => {
  for (let round = 0; round < 5; round++) {
    const sub = randomUUID();
    const now = seconds();
    await me({ sub, iat: now - 60 });
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => me({ sub, iat: now - 30 + i, realm: { roles: i < 7 ? ['ops'] : [] } })),
    );
    expect((await me({ sub, iat: now - 50 })).body.user.role).toBe('member');
  }
});

describe('The keys of the provider', () => {
  test('When they change, then tokens of the new ones are accepted, and those of the old ones no longer', async () => {
    const sub = randomUUID();
    const before = await provider.token({ sub });
    expect((await me({ sub })).status).toBe(200);
    await provider.rotate();
    await waitFor('the new key to be fetched', async () => (await me({ sub })).status === 200);
    const old = await api.anonymous.set('Authorization', `Bearer ${before}`).get('/api/v1/me');
    expect(old.body.code).toBe('UNAUTHENTICATED');
  });

  test('When many tokens name keys that the provider does not have, then it is hardly asked', async () => {
    await me();
    const asked = provider.requests;
    const payload = (await provider.token()).split('.')[1];
    for (let i = 0; i < 50; i++) {
      const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: randomUUID() })).toString('base64url');
      const answer = await api.anonymous.set('Authorization', `Bearer ${header}.${payload}.AAAA`).get('/api/v1/me');
      expect(answer.status).toBe(401);
    }
    // At most one request in five seconds.
    expect(provider.requests - asked).toBeLessThan(20);
  });

  test('When the provider is away before they were fetched, then the answer says so, and others still sign in', async () => {
    const fresh = await TestApi.start({ OIDC_ISSUER: provider.issuer, OIDC_AUDIENCE: 'millrace' });
    try {
      provider.isAway = true;
      expect((await me({}, fresh)).body).toMatchObject({ status: 503, code: 'IDENTITY_PROVIDER_UNAVAILABLE' });
      expect((await fresh.client.get('/api/v1/me')).status).toBe(200);
      const asked = provider.requests;
      await Promise.all(Array.from({ length: 20 }, () => me({}, fresh)));
      expect(provider.requests - asked).toBeLessThanOrEqual(1);
      provider.isAway = false;
      await waitFor('the provider to be asked again', async () => (await me({}, fresh)).status === 200);
    } finally {
      provider.isAway = false;
      await fresh.stop();
    }
  });
});
