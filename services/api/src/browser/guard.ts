import { MillraceError, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import type { Request, RequestHandler } from 'express';
import type { Authenticate } from '../authorization/authentication';
import { mayEver, type Permission } from '../authorization/permissions';
import type { Principal } from '../authorization/principal';
import { safeMethods } from '../authorization/sessions';
import { nextPage, signInPath } from './signIn';

/** Protects pages that a person opens in a browser. A person who has not signed in is sent to the page for it. */
export function requireInBrowser(authenticate: Authenticate, permission: Permission): RequestHandler {
  return async (request, response, next) => {
    try {
      const principal = await authenticate(request, 'unlimited');
      if (!mayEver(principal, permission)) {
        throw new MillraceError('FORBIDDEN', `This needs the permission ${permission}.`);
      }
      response.locals.principal = principal;
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'UNAUTHENTICATED' && isPage(request)) {
        response.redirect(303, `${signInPath}?next=${encodeURIComponent(nextPage(request.baseUrl + request.path))}`);
        return;
      }
      throw error;
    }
    next();
  };
}

/**
 * Records each request that changes something behind `requireInBrowser`. Bull Board changes Redis, which is part of no transaction.
 * Therefore it is recorded before, and a button that did nothing is recorded too.
 */
export function recordChanges({ actions }: Database): RequestHandler {
  return async ({ method, path }, response, next) => {
    if (!safeMethods.has(method)) {
      const actor = response.locals.principal as Principal;
      await actions.record({ id: newId(), kind: 'queue_changed', actor, details: { method, path } });
    }
    next();
  };
}

/** True for a request of a person who opens a page, and not of a program or a script. */
function isPage(request: Request): boolean {
  return request.method === 'GET' && request.accepts(['json', 'html']) === 'html';
}
