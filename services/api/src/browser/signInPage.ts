import { createHash } from 'node:crypto';
import type { Response } from 'express';
import { proofField } from '../authorization/sessions';

const style = `body{font:16px/1.5 system-ui,sans-serif;background:#f4f5f7;color:#1d2733;display:grid;place-items:center;min-height:90vh}
main{background:#fff;padding:2rem;border-radius:8px;width:20rem;box-shadow:0 1px 4px #0003}
h1{font-size:1.25rem;margin:0 0 1rem}label{display:block;margin-bottom:.25rem}
input,button{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;margin-bottom:1rem;border:1px solid #8a94a0;border-radius:4px}
button{background:#1f5fbf;border-color:#1f5fbf;color:#fff;cursor:pointer}p{margin:0 0 1rem}.error{color:#a3201d}
form+form{border-top:1px solid #d5dae0;padding-top:1rem}`;

/** Nothing but the style of these pages is loaded, and their forms go nowhere else. */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

interface SignInForm {
  /** Where to go after it. */
  next: string;
  /** What was typed. */
  email?: string;
  error?: string;
}

/** Sends the page with the forms to sign in. It needs no script. */
export function sendSignInPage(response: Response, status: number, { next, email = '', error }: SignInForm): void {
  const notice = error === undefined ? '' : `<p class="error" role="alert">${escapeHtml(error)}</p>`;
  const nextField = `<input type="hidden" name="next" value="${escapeHtml(next)}">`;
  sendPage(response, status, {
    title: 'Sign in to Millrace',
    body: `${notice}<form method="post" action="/admin/sign-in">${nextField}
<label for="email">E-mail address</label>
<input id="email" name="email" type="text" inputmode="email" autocomplete="username" value="${escapeHtml(email)}" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button></form>
<form method="post" action="/admin/sign-in">${nextField}
<label for="key">API key or token</label>
<input id="key" name="key" type="password" autocomplete="off" required>
<button>Sign in with it</button></form>`,
  });
}

/** Sends the page with the button to sign out. */
export function sendSignOutPage(response: Response, proof: string): void {
  sendPage(response, 200, {
    title: 'Sign out of Millrace',
    body: `<form method="post" action="/admin/sign-out">
<input type="hidden" name="${proofField}" value="${escapeHtml(proof)}">
<button>Sign out</button></form>
<p><a href="/docs/">API reference</a> &middot; <a href="/admin/queues">Queues</a></p>`,
  });
}

function sendPage(response: Response, status: number, { title, body }: { title: string; body: string }): void {
  // The page to sign out has the proof of its session.
  response.status(status).type('html').set({ 'Content-Security-Policy': policy, 'Cache-Control': 'no-store' });
  response.send(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${style}</style></head>
<body><main><h1>${title}</h1>${body}</main></body></html>
`);
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
