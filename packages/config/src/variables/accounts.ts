import { z } from 'zod';
import { day, group, oneOf, text, wholeNumber } from './types';

const year = 365 * day;

/** A password that someone chooses. The API asks the same of every password. */
function password() {
  return z
    .string()
    .refine((value) => [...value].length >= 12, 'must have at least 12 characters')
    .refine((value) => Buffer.byteLength(value) <= 1_000, 'must have at most 1000 bytes');
}

function emailAddress() {
  return z
    .string()
    .trim()
    .toLowerCase()
    .max(254)
    .regex(/^[^\s@"(),:;<>[\\\]]+@[^\s@"(),:;<>[\\\]]+$/, 'must be an e-mail address');
}

function httpUrl() {
  return z.url({ protocol: /^https?$/, error: 'must be an address that begins with https:// or http://' });
}

const roles = ['member', 'operator', 'admin'] as const;
type Role = (typeof roles)[number];

/** Pairs such as `millrace-admins:admin,ops:operator`. A value may have colons; the role is behind the last one. */
function roleMap() {
  const error =
    'must be pairs of a value and a role (member, operator, admin), such as millrace-admins:admin,ops:operator';
  return z.string().transform((list, context): ReadonlyMap<string, Role> => {
    const pairs = list.split(',').map((pair) => /^\s*(.+):(member|operator|admin)\s*$/.exec(pair));
    if (pairs.some((pair) => pair === null)) {
      context.addIssue({ code: 'custom', message: error });
      return z.NEVER;
    }
    return new Map(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] as Role]));
  });
}

export const accounts = group({
  title: 'Users and signing in',
  variables: {
    MILLRACE_ADMIN_EMAIL: emailAddress().optional().meta({
      description:
        'The e-mail address of the first admin. It is read only while the first admin has no password. Without it, admin@localhost.',
      example: 'ada@example.org',
    }),
    MILLRACE_ADMIN_PASSWORD: password()
      .optional()
      .describe(
        'The password of the first admin: 12 characters or more. It is read only while the first admin has no password; a later change of this variable changes nothing. Without it, the first start of the API makes a password and prints it once. `npm run millrace -- users reset-password EMAIL` sets a new one.',
      ),
    ACCESS_TOKEN_LIFETIME_MS: wholeNumber(60_000, day)
      .default(900_000)
      .describe('How long an access token is valid. Signing out and changes of the user end it at once.'),
    REFRESH_TOKEN_LIFETIME_MS: wholeNumber(300_000, year)
      .default(30 * day)
      .describe('How long a refresh token is valid. Each use replaces it by a new one.'),
    SIGNING_KEY_MAX_AGE_MS: wholeNumber(3_600_000, 10 * year)
      .default(90 * day)
      .describe(
        'The age at which the key that signs access tokens is replaced. Its tokens stay valid until they expire.',
      ),
  },
});

export const openId = group({
  title: 'Tokens of an outside OpenID provider',
  introduction:
    'With OIDC_ISSUER, the API also accepts the tokens of that provider. A user is made when its first token comes.',
  variables: {
    OIDC_ISSUER: httpUrl().optional().meta({
      description: 'The provider: the claim iss of its tokens.',
      example: 'https://login.example.org/realms/main',
    }),
    OIDC_AUDIENCE: text()
      .optional()
      .meta({ description: 'What the claim aud of a token must have. Needed with OIDC_ISSUER.', example: 'millrace' }),
    OIDC_JWKS_URL: httpUrl().optional().meta({
      description: "The provider's keys. Without it, the provider's discovery document names them.",
      example: 'https://login.example.org/realms/main/protocol/openid-connect/certs',
    }),
    OIDC_EMAIL_CLAIM: text().default('email').describe('The claim with the e-mail address.'),
    OIDC_ROLE_CLAIM: text().optional().meta({
      description:
        'The claim with roles or groups that OIDC_ROLE_MAP translates to the role of the user. Dots lead into objects. Without it, new users are members and admins change their roles.',
      example: 'realm_access.roles',
    }),
    OIDC_ROLE_MAP: roleMap().optional().meta({
      description:
        'Values of OIDC_ROLE_CLAIM with roles. The highest that applies counts; without one the role is member.',
      example: 'millrace-admins:admin,ops:operator',
    }),
    OIDC_GROUPS_CLAIM: text().optional().meta({
      description:
        'The claim with names of groups. The user belongs to exactly the groups of Millrace that have these names.',
      example: 'groups',
    }),
    OIDC_LINK_BY_EMAIL: oneOf(['true', 'false'])
      .default('false')
      .describe(
        'true: the first token of a user with a verified e-mail address (email_verified) belongs to the user who has that address already. Only with the claim email: no provider verifies others.',
      ),
  },
});
