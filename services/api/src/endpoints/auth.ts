import {
  jwksSchema,
  rotatedKeySchema,
  signOutRequestSchema,
  tokenRequestSchema,
  tokenResponseSchema,
} from '@millrace/contracts';
import { endpoint, jsonBody } from '../http/endpoint';

const notKept = { 'Cache-Control': 'no-store' };

export const createToken = endpoint({
  method: 'POST',
  path: '/api/v1/auth/token',
  summary: 'Sign in with a password, or exchange a refresh token',
  description:
    'The access token is short-lived. The refresh token gets the next pair, once: a second use of it ends the sign-in. ' +
    'Wrong passwords are limited for each e-mail address and each network.',
  params: {},
  body: jsonBody(tokenRequestSchema),
  responses: { 200: { description: 'The tokens', schema: tokenResponseSchema } },
  errors: ['SIGN_IN_FAILED', 'REFRESH_TOKEN_INVALID'],
  access: 'public',
  rateClass: 'write',
  uses: ['database', 'signIn'],
}).handle(async ({ body, address, requestId }, { signIn }) => {
  const origin = { address, requestId };
  const { accessToken, refreshToken, lifetimeMs } =
    body.grant_type === 'password'
      ? await signIn.withPassword(body, origin)
      : await signIn.refresh(body.refresh_token, origin);
  return {
    status: 200,
    headers: notKept,
    body: {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: Math.floor(lifetimeMs / 1000),
      refresh_token: refreshToken,
    },
  };
});

export const signOut = endpoint({
  method: 'POST',
  path: '/api/v1/auth/sign-out',
  summary: 'End a sign-in, or all of its user',
  description: 'Its access tokens are refused at once. The answer is the same for an unknown token. API keys stay.',
  params: {},
  body: jsonBody(signOutRequestSchema),
  responses: { 204: { description: 'The sign-in has ended.' } },
  errors: [],
  access: 'public',
  rateClass: 'write',
  uses: ['database', 'signIn'],
}).handle(async ({ body, address, requestId }, { signIn }) => {
  await signIn.signOut(body.refresh_token, body.everywhere, { address, requestId });
  return { status: 204 };
});

export const getPublicKeys = endpoint({
  method: 'GET',
  path: '/.well-known/jwks.json',
  summary: 'Get the public keys of access tokens',
  params: {},
  responses: { 200: { description: 'A JSON Web Key Set', schema: jwksSchema } },
  errors: [],
  access: 'public',
  rateClass: 'read',
  uses: ['database', 'signingKeys'],
}).handle(async (_input, { signingKeys }) => {
  const keys = (await signingKeys.publicKeys()) as {
    kty: string;
    crv: string;
    x: string;
    kid: string;
    alg: string;
    use: string;
  }[];
  return { status: 200, headers: { 'Cache-Control': 'public, max-age=300' }, body: { keys } };
});

export const rotateSigningKey = endpoint({
  method: 'POST',
  path: '/api/v1/auth/signing-keys/rotate',
  summary: 'Sign access tokens with a new key',
  description: 'Tokens of the key before stay valid until they expire.',
  params: {},
  responses: { 200: { description: 'The new key', schema: rotatedKeySchema } },
  errors: [],
  access: 'signing_keys.rotate',
  rateClass: 'admin',
  uses: ['access', 'database', 'signingKeys'],
}).handle(async (_input, { access, signingKeys }) => {
  return { status: 200, body: { key_id: await signingKeys.rotate(access.principal) } };
});
