import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { MillraceError, newId } from '@millrace/contracts';
import type { Database, Session, SessionHolder } from '@millrace/database';
import { parseCookie } from 'cookie';
import type { CookieOptions, Request, Response } from 'express';
import type { Authenticate } from './authentication';
import type { Principal } from './principal';

const sessionCookie = 'millrace_session';
/** Under https. With this name a browser takes the cookie from this very host alone, and not from another one of its domain. */
const secureSessionCookie = `__Host-${sessionCookie}`;
/** A page reads this cookie and sends it back in a header. Another site cannot read it. axios, which Bull Board uses, does both. */
const proofCookie = 'XSRF-TOKEN';
const proofHeader = 'X-XSRF-TOKEN';
/** The name of the field that has the same proof in a form. */
export const proofField = 'csrf_token';

/** The longest time of a session. */
export const sessionLifetimeMs = 8 * 3_600_000;
/** The methods of requests that change nothing. */
export const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The sessions of browsers. The cookie has a random token; the database has its hash, so that a session can be ended, and ends with
 * its user and with the key that it was signed in with. A browser sends a cookie with requests that other sites make. Therefore a
 * request that changes something must prove that a page of this API made it.
 */
export class BrowserSessions {
  constructor(private readonly database: Database) {}

  /**
   * Signs the principal in with a new session, in this transaction, and records it. It ends the session that the browser had.
   * @returns its token, for `hand` after the transaction
   */
  async begin(session: Session, request: Request, principal: Principal, lifetimeMs: number): Promise<string> {
    const { actions, sessions } = session;
    const token = randomBytes(32).toString('base64url');
    const former = tokenOf(request);
    const { userId } = principal;
    const keyId = principal.kind === 'api-key' ? principal.id : null;
    await (former !== undefined && sessions.remove(hashOf(former)));
    await sessions.add({ id: newId(), tokenHash: hashOf(token), userId, keyId, lifetimeMs });
    await actions.record({ id: newId(), kind: 'sign_in', actor: principal, userId, details: { to: 'browser' } });
    return token;
  }

  /** Gives the token of a session to the browser. */
  hand(request: Request, response: Response, token: string, lifetimeMs: number): void {
    const options = { ...cookieOptions(request), maxAge: lifetimeMs };
    response.cookie(sessionCookieOf(request), token, { ...options, httpOnly: true });
    response.cookie(proofCookie, proofOf(token), options);
  }

  /**
   * Signs out, and records it. A browser sends no cookie with the form of another site, but would obey the answer that clears it.
   * @throws MillraceError CROSS_SITE from another site, or without the proof
   */
  async end(request: Request, response: Response, proof: unknown): Promise<void> {
    requireSameOrigin(request);
    const token = tokenOf(request);
    const principal = await this.find(request);
    if (token !== undefined && principal) {
      requireProof(request, token, proof);
      await this.database.transaction(async ({ actions, sessions }) => {
        if (await sessions.remove(hashOf(token))) {
          await actions.record({ id: newId(), kind: 'sign_out', actor: principal });
        }
      });
    }
    response.clearCookie(sessionCookieOf(request), cookieOptions(request));
    response.clearCookie(proofCookie, cookieOptions(request));
  }

  /** Finds who has signed in with this browser. */
  async find(request: Request): Promise<Principal | null> {
    const token = tokenOf(request);
    const holder = token === undefined ? null : await this.database.sessions.findHolder(hashOf(token));
    return holder && principalOf(holder);
  }

  /**
   * Finds who makes a request with a cookie. A request that changes something needs the proof in its header.
   * @throws MillraceError UNAUTHENTICATED or CROSS_SITE
   */
  async require(request: Request): Promise<Principal> {
    const token = tokenOf(request);
    const principal = await this.find(request);
    if (token === undefined || !principal) {
      throw new MillraceError('UNAUTHENTICATED');
    }
    if (!safeMethods.has(request.method)) {
      requireProof(request, token, request.get(proofHeader));
    }
    return principal;
  }

  /** Returns the proof for a form of this browser's session. */
  proof(request: Request): string {
    const token = tokenOf(request);
    return token === undefined ? '' : proofOf(token);
  }
}

/** Accepts a browser's session where a request has no key or token in a header. */
export function withSessions(authenticate: Authenticate, sessions: BrowserSessions): Authenticate {
  return (request, rateClass) => (hasSession(request) ? sessions.require(request) : authenticate(request, rateClass));
}

/** True for a request with the cookie of a session, and with no key or token in a header. */
export function hasSession(request: Request): boolean {
  const hasKey = request.get('authorization') !== undefined || request.get('x-api-key') !== undefined;
  return !hasKey && tokenOf(request) !== undefined;
}

/** Refuses a request that a page of another site makes. @throws MillraceError CROSS_SITE */
export function requireSameOrigin(request: Request): void {
  const site = request.get('sec-fetch-site');
  const isSame = site === undefined ? originHost(request) === request.host : site === 'same-origin';
  if (!isSame) {
    throw new MillraceError('CROSS_SITE');
  }
}

/** The host of the page that makes the request. Browsers without Sec-Fetch-Site send it with each POST. */
function originHost(request: Request): string | undefined {
  const origin = request.get('origin') ?? '';
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function requireProof(request: Request, token: string, given: unknown): void {
  requireSameOrigin(request);
  const expected = Buffer.from(proofOf(token));
  const proof = Buffer.from(typeof given === 'string' ? given : '');
  if (proof.length !== expected.length || !timingSafeEqual(proof, expected)) {
    throw new MillraceError('CROSS_SITE', `The request lacks the proof of its page (${proofHeader}).`);
  }
}

function principalOf({ sessionId: _, keyId, scopes, collectionIds, ...user }: SessionHolder): Principal {
  return {
    ...user,
    kind: keyId === null ? 'user' : 'api-key',
    id: keyId ?? user.userId,
    scopes: scopes && new Set(scopes),
    collectionIds: collectionIds && new Set(collectionIds),
  };
}

function tokenOf(request: Request): string | undefined {
  return parseCookie(request.get('cookie') ?? '')[sessionCookieOf(request)];
}

function sessionCookieOf(request: Request): string {
  return request.secure ? secureSessionCookie : sessionCookie;
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** The proof follows from the token, and the token cannot be found from it. */
function proofOf(token: string): string {
  return createHmac('sha256', token).update('csrf').digest('base64url');
}

function cookieOptions(request: Request): CookieOptions {
  return { sameSite: 'strict', secure: request.secure, path: '/' };
}
