import { emailAddress, errorCatalogue, givenPassword, MillraceError } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { type Request, type Response, Router, urlencoded } from 'express';
import { type Credentials, principalOfUser } from '../authorization/credentials';
import type { GivenPassword, Passwords } from '../authorization/passwords';
import { type BrowserSessions, proofField, requireSameOrigin, sessionLifetimeMs } from '../authorization/sessions';
import { expiryOf } from '../authorization/tokens/accessTokens';
import { addressOf } from '../limits/addresses';
import type { RequestLimits } from '../limits/requestLimits';
import { nameProblem } from '../metrics/requestMetrics';
import { sendSignInPage, sendSignOutPage } from './signInPage';

export const signInPath = '/admin/sign-in';
export const signOutPath = '/admin/sign-out';

interface SignInParts {
  database: Database;
  credentials: Credentials;
  passwords: Passwords;
  sessions: BrowserSessions;
  limits: RequestLimits;
}

/** Makes the pages on which a person signs in to the other pages, and signs out. */
export function signInPages(parts: SignInParts): Router {
  const { sessions, limits } = parts;
  const router = Router();
  const form = urlencoded({ extended: false, limit: 4_096, parameterLimit: 10 });
  router.get(signInPath, (request, response) => {
    sendSignInPage(response, 200, { next: nextPage(request.query.next) });
  });
  router.post(signInPath, form, async (request, response) => {
    requireSameOrigin(request);
    const next = nextPage(fieldOf(request, 'next'));
    try {
      await limits.countAnonymous(request);
      await (fieldOf(request, 'key') === ''
        ? startWithPassword(parts, request, response)
        : startWithCredential(parts, request, response));
    } catch (error) {
      showError(error, response, { next, email: fieldOf(request, 'email') });
      return;
    }
    response.redirect(303, next);
  });
  router.get(signOutPath, (request, response) => sendSignOutPage(response, sessions.proof(request)));
  router.post(signOutPath, form, async (request, response) => {
    await sessions.end(request, response, fieldOf(request, proofField));
    response.redirect(303, signInPath);
  });
  return router;
}

async function startWithPassword({ passwords, sessions }: SignInParts, request: Request, response: Response) {
  const given = passwordOf(request);
  const origin = originOf(request);
  const token = await passwords.signIn(given, origin, (session, user) =>
    sessions.begin(session, request, { ...principalOfUser(user), ...origin }, sessionLifetimeMs),
  );
  sessions.hand(request, response, token, sessionLifetimeMs);
}

/** Signs in with an API key, or with a token. The session of a token ends with it: otherwise a stolen one would last longer so. */
async function startWithCredential(parts: SignInParts, request: Request, response: Response): Promise<void> {
  const { database, credentials, sessions } = parts;
  const credential = fieldOf(request, 'key').trim();
  const principal = { ...(await credentials.find(credential)), ...originOf(request) };
  const tokenMs = (expiryOf(credential)?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now();
  const lifetimeMs = Math.max(Math.min(sessionLifetimeMs, tokenMs), 0);
  const token = await database.transaction((session) => sessions.begin(session, request, principal, lifetimeMs));
  sessions.hand(request, response, token, lifetimeMs);
}

/** Reads the e-mail address and the password. What cannot be those of a user is answered as wrong ones are. */
function passwordOf(request: Request): GivenPassword {
  const email = emailAddress.safeParse(fieldOf(request, 'email'));
  const password = givenPassword.safeParse(fieldOf(request, 'password'));
  if (!email.success || !password.success) {
    throw new MillraceError('SIGN_IN_FAILED');
  }
  return { email: email.data, password: password.data };
}

/** Shows the form again, with what is wrong. @throws the error when it is one of ours and not of the person */
function showError(error: unknown, response: Response, form: { next: string; email: string }): void {
  if (!(error instanceof MillraceError) || errorCatalogue[error.code].status >= 500) {
    throw error;
  }
  const { status } = errorCatalogue[error.code];
  nameProblem(response, error.code);
  if (error.retryAfterMs !== undefined) {
    response.setHeader('Retry-After', Math.ceil(error.retryAfterMs / 1000));
  }
  sendSignInPage(response, status, { ...form, error: sentenceOf(error) });
}

function sentenceOf({ code, message, retryAfterMs = 0 }: MillraceError): string {
  switch (code) {
    case 'UNAUTHENTICATED':
      return 'The key is not in force.';
    case 'TOKEN_EXPIRED':
      return 'The token has expired.';
    case 'SIGN_IN_FAILED':
      return 'The e-mail address or the password is wrong.';
    case 'TOO_MANY_REQUESTS':
      return `There were too many attempts. Minutes to wait: ${Math.ceil(retryAfterMs / 60_000)}.`;
    default:
      return message;
  }
}

function originOf(request: Request) {
  return { address: addressOf(request), requestId: String(request.id) };
}

function fieldOf(request: Request, name: string): string {
  const fields: unknown = request.body;
  const value = typeof fields === 'object' && fields !== null ? new Map(Object.entries(fields)).get(name) : undefined;
  return typeof value === 'string' ? value : '';
}

/** Returns the page to go to after signing in. Only pages for people are taken, so that no link leads to another site. */
export function nextPage(wanted: unknown): string {
  return typeof wanted === 'string' && /^\/(docs|admin)(\/[\w-]+)*\/?$/.test(wanted) ? wanted : '/docs/';
}
