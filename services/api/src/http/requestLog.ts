/** The logged parts of a request. */
export interface LoggedRequest {
  url: string;
  query?: Record<string, unknown>;
}

/** Removes secrets from the address of a logged request. Such a request is refused, but it is still logged. */
export function withoutSecrets<T extends LoggedRequest>(request: T): T {
  const mark = request.url.indexOf('?');
  const given = new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1));
  const names = [...given.keys()].filter(isSecret);
  if (names.length === 0) {
    return request;
  }
  for (const name of names) {
    given.set(name, '[Redacted]');
  }
  const query = Object.fromEntries(Object.entries(request.query ?? {}).filter(([name]) => !isSecret(name)));
  return { ...request, url: `${request.url.slice(0, mark)}?${given}`, query };
}

/** Also finds spellings that clients try, such as "password[]". */
function isSecret(name: string): boolean {
  return /passw|secret|token|authorization|api[-_]?key|^key$/i.test(name);
}
