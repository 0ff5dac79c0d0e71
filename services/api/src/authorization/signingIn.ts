import type { Config } from '@millrace/config';
import type { Database } from '@millrace/database';
import type { Dependencies } from '../dependencies';
import { newQuotas } from '../newQuotas';
import { Credentials } from './credentials';
import { OutsideUsers } from './outsideUsers';
import { PasswordGuard } from './passwordGuard';
import { Passwords } from './passwords';
import { SignIn } from './signIn';
import { AccessTokens } from './tokens/accessTokens';
import { OpenIdTokens } from './tokens/openIdTokens';
import { SigningKeys } from './tokens/signingKeys';

/** Makes the keys that sign access tokens, as configured. */
export function configuredSigningKeys(database: Database, config: Config): SigningKeys {
  return new SigningKeys(database, {
    tokenLifetimeMs: config.ACCESS_TOKEN_LIFETIME_MS,
    maxAgeMs: config.SIGNING_KEY_MAX_AGE_MS,
  });
}

/** Makes what signs in, and what finds out who makes a request. */
export function signingIn(made: Pick<Dependencies, 'config' | 'database' | 'rateLimiter' | 'signingKeys'>) {
  const { config, database, rateLimiter, signingKeys } = made;
  const tokens = new AccessTokens(signingKeys, config.ACCESS_TOKEN_LIFETIME_MS);
  const passwordGuard = new PasswordGuard(rateLimiter);
  const passwords = new Passwords(database, passwordGuard);
  return {
    credentials: new Credentials(database, tokens, configuredProvider(database, config)),
    passwordGuard,
    passwords,
    signIn: new SignIn(database, passwords, tokens, config.REFRESH_TOKEN_LIFETIME_MS),
  };
}

/** The outside provider, if there is one. */
function configuredProvider(database: Database, config: Config): OpenIdTokens | null {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience } = config;
  if (issuer === undefined || audience === undefined) {
    return null;
  }
  const claims = {
    email: config.OIDC_EMAIL_CLAIM,
    role: config.OIDC_ROLE_CLAIM,
    roleMap: config.OIDC_ROLE_MAP,
    groups: config.OIDC_GROUPS_CLAIM,
  };
  const users = new OutsideUsers(database, config.OIDC_LINK_BY_EMAIL === 'true', newQuotas(config));
  return new OpenIdTokens({ issuer, audience, jwksUrl: config.OIDC_JWKS_URL, claims }, users);
}
