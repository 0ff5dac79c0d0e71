import { MillraceError } from '@millrace/contracts';
import { type Request, Router, urlencoded } from 'express';
import type { Credentials } from '../authorization/credentials';
import type { Principal } from '../authorization/principal';
import { type BrowserSessions, proofField, requireSameOrigin } from '../authorization/sessions';
import { addressOf } from '../limits/addresses';
import type { RequestLimits } from '../limits/requestLimits';
import { sendSignInPage, sendSignOutPage } from './signInPage';

export const signInPath = '/admin/sign-in';
export const signOutPath = '/admin/sign-out';

interface SignInParts {
  keys: Credentials;
  sessions: BrowserSessions;
  limits: RequestLimits;
}

/** Makes the pages on which a person signs in to the other pages, and signs out. */
export function signInPages({ keys, sessions, limits }: SignInParts): Router {
  const router = Router();
  const form = urlencoded({ extended: false, limit: 4_096, parameterLimit: 10 });
  router.get(signInPath, (request, response) => {
    sendSignInPage(response, 200, { next: nextPage(request.query.next) });
  });
  router.post(signInPath, form, async (request, response) => {
    requireSameOrigin(request);
    const next = nextPage(fieldOf(request, 'next'));
    const principal = await found(keys, fieldOf(request, 'key'));
    if (!principal) {
      await limits.countAnonymous(request);
      sendSignInPage(response, 401, { next, error: 'The key is not in force.' });
      return;
    }
    const origin = { address: addressOf(request), requestId: String(request.id) };
    await sessions.start(request, response, { ...principal, ...origin });
    response.redirect(303, next);
  });
  router.get(signOutPath, (request, response) => sendSignOutPage(response, sessions.proof(request)));
  router.post(signOutPath, form, async (request, response) => {
    await sessions.end(request, response, fieldOf(request, proofField));
    response.redirect(303, signInPath);
  });
  return router;
}

async function found(keys: Credentials, key: string): Promise<Principal | null> {
  try {
    return await keys.find(key.trim());
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'UNAUTHENTICATED') {
      return null;
    }
    throw error;
  }
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
