import { createHash } from 'node:crypto';
import { emailAddress, MillraceError, type UserRole, userRole } from '@millrace/contracts';
import type { JWTPayload } from 'jose';
import { clockTolerance } from './accessTokens';

/** Which claims of the provider mean what. */
export interface ClaimNames {
  email: string;
  role: string | undefined;
  roleMap: ReadonlyMap<string, UserRole> | undefined;
  groups: string | undefined;
}

/** What a token of the provider says about its user. */
export interface OutsideClaims {
  issuer: string;
  subject: string;
  /** Never an address that the provider says is not verified. */
  email: string;
  /** True when the provider says that the address is verified. */
  isEmailVerified: boolean;
  name: string;
  /** Undefined when the configuration names no claim for it. */
  role: UserRole | undefined;
  groups: string[] | undefined;
  issuedAt: Date;
}

/** What OpenID Connect allows a subject to be at most, and what a row can hold. */
const longestSubject = 255;

/**
 * Reads the claims of a token that has been verified.
 * @throws MillraceError UNAUTHENTICATED for a subject that cannot be stored as it is, or a time of issue that is still to come
 */
export function readClaims(payload: JWTPayload, issuer: string, names: ClaimNames): OutsideClaims {
  const { iat = 0, name, email_verified } = payload;
  const subject = subjectOf(payload);
  // It would keep every later token from changing the user.
  if (!(iat >= 0 && iat <= Date.now() / 1000 + clockTolerance)) {
    throw new MillraceError('UNAUTHENTICATED', 'The token was issued at a time that is not in the past.');
  }
  const given = emailAddress.safeParse(claimOf(payload, names.email));
  const email = given.success && email_verified !== false ? given.data : undefined;
  return {
    issuer,
    subject,
    email: email ?? addressFor(issuer, subject),
    // The provider says it of the claim "email" alone. Users may be able to choose what is in others.
    isEmailVerified: email !== undefined && email_verified === true && names.email === 'email',
    name: typeof name === 'string' ? name.replaceAll('\0', '').toWellFormed().slice(0, 200) : '',
    role: names.role === undefined ? undefined : highestRole(textsOf(claimOf(payload, names.role)), names.roleMap),
    groups: names.groups === undefined ? undefined : textsOf(claimOf(payload, names.groups)),
    issuedAt: new Date(iat * 1000),
  };
}

function subjectOf({ sub }: JWTPayload): string {
  const given: unknown = sub;
  if (
    typeof given !== 'string' ||
    given === '' ||
    given.length > longestSubject ||
    given.includes('\0') ||
    !given.isWellFormed()
  ) {
    throw new MillraceError('UNAUTHENTICATED', 'The token names no subject that can be stored.');
  }
  return given;
}

/** Finds a claim. Dots lead into objects, unless a claim has the whole name. */
function claimOf(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) {
    return payload[name];
  }
  let value: unknown = payload;
  for (const part of name.split('.')) {
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, part) ? Reflect.get(value, part) : undefined;
  }
  return value;
}

/** The texts of a claim: a list, or one text with spaces. */
function textsOf(claim: unknown): string[] {
  const values = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return values.filter(
    (value): value is string =>
      typeof value === 'string' && value !== '' && !value.includes('\0') && value.isWellFormed(),
  );
}

function highestRole(values: readonly string[], roleMap: ReadonlyMap<string, UserRole> | undefined): UserRole {
  const roles = values.map((value) => roleMap?.get(value));
  // From the lowest to the highest.
  return [...userRole.options].reverse().find((role) => roles.includes(role)) ?? 'member';
}

/** An address for a user whom the provider names without one. No mail can be sent to it. */
function addressFor(issuer: string, subject: string): string {
  const id = createHash('sha256').update(`${issuer} ${subject}`).digest('hex').slice(0, 32);
  return `${id}@${new URL(issuer).hostname}.invalid`;
}
