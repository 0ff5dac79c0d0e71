import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import type { Database } from '@millrace/database';
import { createLogger } from '@millrace/telemetry';
import { testAdminPassword, testServers, Wire, waitFor } from '@millrace/test-support';
import { decodeJwt, decodeProtectedHeader, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import { startApi } from '../src';
import { SigningKeys } from '../src/authorization/tokens/signingKeys';
import { newUser } from './principals';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

const password = 'correct horse battery';
const token = (body: object) => api.anonymous.post('/api/v1/auth/token').send(body);
const signIn = (email: string, given = password) => token({ grant_type: 'password', email, password: given });
const refresh = (refreshToken: string) => token({ grant_type: 'refresh_token', refresh_token: refreshToken });
const withToken = (access: string) => api.anonymous.set('Authorization', `Bearer ${access}`);
const statusWith = async (access: string) => (await withToken(access).get('/api/v1/me')).status;
const codeWith = async (access: string) => (await withToken(access).get('/api/v1/me')).body.code;
const actionsAbout = async (userId: string) =>
  ((await api.client.get(`/api/v1/actions?user_id=${userId}`)).body.actions as { kind: string }[]).map(
    ({ kind }) => kind,
  );

/** Makes a user with a password. */
async function createUser(): Promise<{ id: string; email: string }> {
  return (await api.client.post('/api/v1/users').send({ email: `${randomUUID()}@example.org`, password })).body;
}

/** Makes a user who has signed in. */
async function signedIn() {
  const user = await createUser();
  const { body } = await signIn(user.email);
  return { user, access: body.access_token as string, refreshToken: body.refresh_token as string };
}

describe('Signing in', () => {
  test('gives a short-lived token of the user, signed with EdDSA', async () => {
    const { user, access } = await signedIn();
    expect((await withToken(access).get('/api/v1/me')).body).toMatchObject({
      user: { id: user.id, email: user.email, last_sign_in_at: expect.any(String) },
      kind: 'user',
      scopes: null,
    });
    expect(decodeProtectedHeader(access)).toMatchObject({ alg: 'EdDSA', kid: expect.any(String) });
    const { iss, aud, sub, jti, iat = 0, exp = 0 } = decodeJwt(access);
    expect([iss, aud, sub, exp - iat]).toEqual(['millrace', 'millrace', user.id, 900]);
    expect(jti).toEqual(expect.any(String));
    expect(await actionsAbout(user.id)).toEqual(['sign_in', 'user_created']);
    const group = await withToken(access)
      .post('/api/v1/keys')
      .send({ name: 'a key', scopes: ['read'] });
    const actions = await api.client.get(`/api/v1/actions?user_id=${user.id}&kind=key_created`);
    expect([group.status, actions.body.actions[0].requested_by]).toEqual([201, `user:${user.id}`]);
  });

  test('When the password is wrong, or the user is unknown, disabled or without one, then the answer is the same', async () => {
    const user = await createUser();
    const disabled = await createUser();
    await api.client.patch(`/api/v1/users/${disabled.id}`).send({ status: 'disabled' });
    const without = (await api.client.post('/api/v1/users').send({ email: `${randomUUID()}@example.org` })).body;
    const answers = [
      await signIn(user.email, 'wrong password'),
      await signIn(`${randomUUID()}@example.org`),
      await signIn(disabled.email),
      await signIn(without.email),
      await signIn(without.email, ''),
    ];
    for (const { body } of answers) {
      expect(body).toMatchObject({ status: 401, code: 'SIGN_IN_FAILED' });
      expect(body.detail).toBe(answers[0]?.body.detail);
    }
    expect(await actionsAbout(user.id)).toEqual(['sign_in_failed', 'user_created']);
    expect((await signIn(user.email.toUpperCase())).status).toBe(200);
  });

  test('When an e-mail address is unknown, then a password is hashed all the same', async () => {
    const user = await createUser();
    const timeOf = async (email: string) => {
      const begin = performance.now();
      expect((await signIn(email, 'wrong password')).status).toBe(401);
      return performance.now() - begin;
    };
    // By turns, so that what else the machine does slows both down. The shortest times are those of the work itself.
    let [known, unknown] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < 8; round += 1) {
      known = Math.min(known, await timeOf(user.email));
      unknown = Math.min(unknown, await timeOf(`${randomUUID()}@example.org`));
    }
    // Without the hash it would be a small part.
    expect(unknown).toBeGreaterThan(known / 3);
  });

  test('When a password is wrong ten times, then the eleventh attempt must wait, also with the right one', async () => {
    const user = await createUser();
    const attempts = Array.from({ length: 14 }, () => signIn(user.email, 'wrong password'));
    const statuses = (await Promise.all(attempts)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    const refused = await signIn(user.email);
    expect(refused.body).toMatchObject({ status: 429, code: 'TOO_MANY_REQUESTS' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    const other = await createUser();
    expect((await signIn(other.email)).status).toBe(200);
  });

  test('When a sign-in succeeds, then earlier attempts are forgotten', async () => {
    const user = await createUser();
    for (let round = 0; round < 3; round += 1) {
      for (let attempt = 0; attempt < 8; attempt += 1) {
        expect((await signIn(user.email, 'wrong password')).status).toBe(401);
      }
      expect((await signIn(user.email)).status).toBe(200);
    }
  });
});

describe('When Redis is away', () => {
  test('then users still sign in, and wrong passwords are still limited', async () => {
    const { wire, url } = await Wire.to(testServers().redisUrl);
    const wired = await TestApi.start({ REDIS_URL: url });
    try {
      wire.cut();
      const send = (given: string) =>
        wired.anonymous
          .post('/api/v1/auth/token')
          .send({ grant_type: 'password', email: 'admin@localhost', password: given });
      expect((await send(testAdminPassword)).status).toBe(200);
      for (let attempt = 0; attempt < 10; attempt += 1) {
        expect((await send('wrong password')).status).toBe(401);
      }
      expect((await send(testAdminPassword)).status).toBe(429);
    } finally {
      wire.mend();
      await wired.stop();
      await wire.close();
    }
  });
});

describe('A refresh token', () => {
  test('is exchanged once, and a second use ends the sign-in', async () => {
    const { user, access, refreshToken } = await signedIn();
    const next = await refresh(refreshToken);
    expect(next.status).toBe(200);
    expect(await statusWith(next.body.access_token)).toBe(200);
    expect(await statusWith(access)).toBe(200);
    expect((await refresh(refreshToken)).body).toMatchObject({ status: 401, code: 'REFRESH_TOKEN_INVALID' });
    expect((await refresh(next.body.refresh_token)).body.code).toBe('REFRESH_TOKEN_INVALID');
    expect(await statusWith(next.body.access_token)).toBe(401);
    expect(await statusWith(access)).toBe(401);
    expect(await actionsAbout(user.id)).toEqual(['refresh_reused', 'sign_in', 'user_created']);
    const { stored } = await database.sql.one<{ stored: number }>(
      'SELECT count(*)::integer AS stored FROM refresh_tokens t WHERE position($1 IN t::text) > 0',
      [refreshToken],
    );
    expect(stored).toBe(0);
  });

  test('When it is used many times at once, then one use succeeds and the sign-in ends', async () => {
    const { access, refreshToken } = await signedIn();
    const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(refreshToken)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401]);
    expect(await statusWith(access)).toBe(401);
  });

  test('When it has expired, or its user is disabled, then it is refused', async () => {
    const expired = await signedIn();
    await database.sql.none('UPDATE sign_ins SET expires_at = now() WHERE user_id = $1', [expired.user.id]);
    expect((await refresh(expired.refreshToken)).status).toBe(401);
    const disabled = await signedIn();
    await api.client.patch(`/api/v1/users/${disabled.user.id}`).send({ status: 'disabled' });
    expect((await refresh(disabled.refreshToken)).status).toBe(401);
    for (const unknown of ['x', `mrr_${'a'.repeat(43)}`]) {
      expect((await refresh(unknown)).body.code).toBe('REFRESH_TOKEN_INVALID');
    }
  });

  test('When its user was disabled and is enabled again, then it stays refused', async () => {
    const { user, access, refreshToken } = await signedIn();
    for (const status of ['disabled', 'active']) {
      await api.client.patch(`/api/v1/users/${user.id}`).send({ status });
    }
    expect([(await refresh(refreshToken)).status, await statusWith(access)]).toEqual([401, 401]);
    expect((await signIn(user.email)).status).toBe(200);
  });

  test('When those before it have expired, then they are forgotten, and it goes on', async () => {
    const { user, refreshToken } = await signedIn();
    const second = (await refresh(refreshToken)).body.refresh_token;
    const third = (await refresh(second)).body.refresh_token;
    const count = async () =>
      (
        await database.sql.one<{ count: number }>(
          `SELECT count(*)::integer AS count FROM refresh_tokens t JOIN sign_ins s ON s.id = t.sign_in_id WHERE s.user_id = $1`,
          [user.id],
        )
      ).count;
    expect(await count()).toBe(3);
    await database.sql.none(
      `UPDATE refresh_tokens SET used_at = now() - interval '1 year' WHERE used_at IS NOT NULL AND sign_in_id IN
         (SELECT id FROM sign_ins WHERE user_id = $1)`,
      [user.id],
    );
    const fourth = await refresh(third);
    expect([fourth.status, await count()]).toEqual([200, 2]);
    // A token that was used a moment ago is still noticed.
    expect((await refresh(third)).status).toBe(401);
    expect((await refresh(fourth.body.refresh_token)).status).toBe(401);
  });

  test('When its owner signs out, then its tokens are refused at once, and with everywhere those of all sign-ins', async () => {
    const { user, access, refreshToken } = await signedIn();
    const other = (await signIn(user.email)).body;
    const signOut = (body: object) => api.anonymous.post('/api/v1/auth/sign-out').send(body);
    expect((await signOut({ refresh_token: refreshToken })).status).toBe(204);
    expect([await statusWith(access), await statusWith(other.access_token)]).toEqual([401, 200]);
    expect((await signOut({ refresh_token: refreshToken, everywhere: true })).status).toBe(204);
    expect(await statusWith(other.access_token)).toBe(200);
    expect((await signOut({ refresh_token: other.refresh_token, everywhere: true })).status).toBe(204);
    expect(await statusWith(other.access_token)).toBe(401);
    expect((await refresh(other.refresh_token)).status).toBe(401);
  });
});

describe('An access token', () => {
  test('When its user is disabled, changes the password or gets another role, then that counts at once', async () => {
    const { user, access } = await signedIn();
    expect((await withToken(access).get('/metrics')).status).toBe(403);
    await api.client.patch(`/api/v1/users/${user.id}`).send({ role: 'operator' });
    expect((await withToken(access).get('/metrics')).status).toBe(200);
    const next = 'another long password';
    const changed = await withToken(access).patch('/api/v1/me').send({ password: next, current_password: password });
    expect(changed.status).toBe(200);
    expect(await statusWith(access)).toBe(401);
    const again = (await signIn(user.email, next)).body.access_token;
    await api.client.patch(`/api/v1/users/${user.id}`).send({ status: 'disabled' });
    expect(await statusWith(again)).toBe(401);
  });

  describe('that is forged', () => {
    let valid: { header: object; payload: JWTPayload; key: JWK; access: string };
    beforeAll(async () => {
      const { access } = await signedIn();
      const { key } = await database.sql.one<{ key: JWK }>(
        'SELECT private_key AS key FROM signing_keys WHERE verifies_until IS NULL',
      );
      valid = { header: decodeProtectedHeader(access), payload: decodeJwt(access), key, access };
    });

    const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const now = () => Math.floor(Date.now() / 1000);
    /** Signs claims with the true key. */
    async function signed(payload: object, header: object = {}): Promise<string> {
      return new SignJWT({ ...valid.payload, ...payload })
        .setProtectedHeader({ ...valid.header, ...header } as { alg: string })
        .sign(await importJWK(valid.key, 'EdDSA'));
    }

    test('When nothing is changed, then it is accepted', async () => {
      expect(await statusWith(await signed({}))).toBe(200);
    });

    const unsigned = (header: object) => `${encode({ ...valid.header, ...header })}.${encode(valid.payload)}.`;
    const others: Record<string, () => string | Promise<string>> = {
      'alg none': () => unsigned({ alg: 'none' }),
      'alg None': () => unsigned({ alg: 'None' }),
      'no signature': () => unsigned({}),
      'HS256 with the public key': async () => {
        const secret = Buffer.from(JSON.stringify({ ...valid.key, d: undefined }));
        return new SignJWT(valid.payload)
          .setProtectedHeader({ ...valid.header, alg: 'HS256' } as { alg: string })
          .sign(secret);
      },
      'another key with the same kid': () => {
        const { privateKey } = generateKeyPairSync('ed25519');
        const content = `${encode(valid.header)}.${encode(valid.payload)}`;
        return `${content}.${sign(null, Buffer.from(content), privateKey).toString('base64url')}`;
      },
      'a key in its own header': async () => {
        const { privateKey, publicKey } = generateKeyPairSync('ed25519');
        const header = { ...valid.header, kid: 'own', jwk: publicKey.export({ format: 'jwk' }) };
        const content = `${encode(header)}.${encode(valid.payload)}`;
        return `${content}.${sign(null, Buffer.from(content), privateKey).toString('base64url')}`;
      },
      'changed claims': () => {
        const [header, , signature] = valid.access.split('.');
        return `${header}.${encode({ ...valid.payload, sub: randomUUID() })}.${signature}`;
      },
      'another audience': () => signed({ aud: 'elsewhere' }),
      'another issuer': () => signed({ iss: 'https://issuer.example.org' }),
      'no issuer': () => signed({ iss: undefined }),
      'a time before which it is not valid': () => signed({ nbf: now() + 60 }),
      'no expiry': () => signed({ exp: undefined }),
      'no session': () => signed({ sid: undefined }),
      'a session that is no id': () => signed({ sid: "' OR true --" }),
      'an unknown session': () => signed({ sid: randomUUID() }),
      'the session of another user': async () => signed({ sub: await newUser(database) }),
      'another type': () => signed({}, { typ: 'JWT' }),
      'no type': () => signed({}, { typ: undefined }),
      'a kid that is a path': () => signed({}, { kid: '../../../../dev/null' }),
      'a kid that is SQL': () => signed({}, { kid: "x' OR '1'='1" }),
      'a kid that is no text': () => signed({}, { kid: { a: 1 } }),
      'no kid': () => signed({}, { kid: undefined }),
      'a critical extension': () => unsigned({ crit: ['exp'] }),
      'broken JSON': () => `${Buffer.from('{').toString('base64url')}.${encode(valid.payload)}.x`,
      'four parts': () => `${valid.access}.x`,
    };
    test.each(Object.keys(others))('When it has %s, then UNAUTHENTICATED', async (what) => {
      expect(await codeWith((await others[what]?.()) ?? '')).toBe('UNAUTHENTICATED');
    });

    test('When it has expired, then TOKEN_EXPIRED, after a few seconds for other clocks', async () => {
      const answer = await withToken(await signed({ iat: now() - 1_000, exp: now() - 60 })).get('/api/v1/me');
      expect(answer.body).toMatchObject({ status: 401, code: 'TOKEN_EXPIRED' });
      expect(answer.headers['www-authenticate']).toContain('Bearer');
      expect(await statusWith(await signed({ exp: now() - 1 }))).toBe(200);
    });

    test('When it is huge, then it is refused before anything reads it', async () => {
      const answer = await withToken(`${valid.access}${'a'.repeat(20_000)}`).get('/api/v1/me');
      expect(answer.status).toBe(431);
    });
  });
});

describe('Signing keys', () => {
  test('When an admin rotates them, then new tokens have another key and the old ones stay valid, in every process', async () => {
    const { access } = await signedIn();
    const second = await startApi(api.environment.config(), createLogger('test', 'silent'));
    const me = (bearer: string) =>
      fetch(`${second.urls.apiUrl}/api/v1/me`, { headers: { authorization: `Bearer ${bearer}` } });
    try {
      expect((await me(access)).status).toBe(200);
      const { key_id } = (await api.client.post('/api/v1/auth/signing-keys/rotate')).body;
      const { user, access: next } = await signedIn();
      expect(decodeProtectedHeader(next).kid).toBe(key_id);
      expect([await statusWith(access), await statusWith(next)]).toEqual([200, 200]);
      // The other process may have looked for keys just before.
      await waitFor('the other process to know the key', async () => (await me(next)).status === 200);
      expect((await me(access)).status).toBe(200);
      const { keys } = (await api.anonymous.get('/.well-known/jwks.json')).body;
      expect(keys.map(({ kid }: { kid: string }) => kid)).toEqual([key_id, decodeProtectedHeader(access).kid]);
      expect(JSON.stringify(keys)).not.toContain('"d"');
      expect(user.id).toEqual(expect.any(String));
      const actions = await api.client.get('/api/v1/actions?kind=signing_key_rotated');
      expect(actions.body.actions[0]).toMatchObject({ details: { key_id } });
    } finally {
      for (const phase of second.stop) {
        await phase.run();
      }
    }
  });

  test('When the tokens of an old key have all expired, then the key is gone', async () => {
    const { access } = await signedIn();
    await api.client.post('/api/v1/auth/signing-keys/rotate');
    await database.sql.none(
      `UPDATE signing_keys SET verifies_until = now() - interval '1 s' WHERE verifies_until IS NOT NULL`,
    );
    const { keys } = (await api.anonymous.get('/.well-known/jwks.json')).body;
    expect(keys.map(({ kid }: { kid: string }) => kid)).not.toContain(decodeProtectedHeader(access).kid);
    await api.client.post('/api/v1/auth/signing-keys/rotate');
    const { count } = await database.sql.one<{ count: number }>('SELECT count(*)::integer AS count FROM signing_keys');
    expect(count).toBe(2);
  });

  test('When a key no longer verifies, then a process that knew it forgets it, also when no unknown key comes', async () => {
    const keys = new SigningKeys(database, { tokenLifetimeMs: 1_000, maxAgeMs: 1_000_000, longestKnownMs: 0 });
    const id = await keys.rotate({ kind: 'system' });
    expect(await keys.verifierOf(id)).not.toBeNull();
    await keys.rotate({ kind: 'system' });
    await database.sql.none(`UPDATE signing_keys SET verifies_until = now() - interval '1 s' WHERE id = $1`, [id]);
    await waitFor('the key to be forgotten', async () => (await keys.verifierOf(id)) === null);
  });

  test('When the key is older than SIGNING_KEY_MAX_AGE_MS, then the next sign-in has a new one', async () => {
    const { access } = await signedIn();
    await database.sql.none(
      `UPDATE signing_keys SET created_at = now() - interval '91 days' WHERE verifies_until IS NULL`,
    );
    const answers = await Promise.all([signedIn(), signedIn(), signedIn()]);
    const kids = new Set(answers.map((answer) => decodeProtectedHeader(answer.access).kid));
    expect(kids.size).toBe(1);
    expect(kids).not.toContain(decodeProtectedHeader(access).kid);
  });
});

describe('The first admin', () => {
  test('When several APIs start at once, then it has the configured e-mail and password', async () => {
    const fresh = await TestApi.start({ MILLRACE_ADMIN_EMAIL: 'Root@Example.org', MILLRACE_ADMIN_PASSWORD: password });
    try {
      const body = { grant_type: 'password', email: 'root@example.org', password };
      expect((await fresh.anonymous.post('/api/v1/auth/token').send(body)).status).toBe(200);
      const config = fresh.environment.config({ MILLRACE_ADMIN_PASSWORD: 'a changed password' });
      const second = await startApi(config, createLogger('test', 'silent'));
      for (const phase of second.stop) {
        await phase.run();
      }
      expect((await fresh.anonymous.post('/api/v1/auth/token').send(body)).status).toBe(200);
    } finally {
      await fresh.stop();
    }
  });

  test('When several APIs start at once without a password, then exactly one prints the one that works', async () => {
    const written: string[] = [];
    const fresh = await TestApi.start();
    await fresh.database.sql.none('UPDATE users SET password_hash = NULL');
    const spy = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    try {
      const config = fresh.environment.config({ MILLRACE_ADMIN_PASSWORD: '' });
      const apis = await Promise.all([1, 2, 3].map(() => startApi(config, createLogger('test', 'silent'))));
      for (const phase of apis.flatMap(({ stop }) => stop)) {
        await phase.run();
      }
      const printed = written.filter((text) => text.startsWith('The first admin is'));
      expect(printed).toHaveLength(1);
      const [, email, made] = /^The first admin is (\S+) with the password (\S+) /.exec(printed[0] ?? '') ?? [];
      const body = { grant_type: 'password', email, password: made };
      expect((await fresh.anonymous.post('/api/v1/auth/token').send(body)).status).toBe(200);
    } finally {
      spy.mockRestore();
      await fresh.stop();
    }
  });

  test('has the password of the configuration', async () => {
    expect((await signIn('admin@localhost', testAdminPassword)).status).toBe(200);
  });
});
