/** What of a request is logged. */
export interface LoggedRequest {
  url: string;
  query?: Record<string, unknown>;
}

/** A password in the address is refused, and must not be kept in the log for that. */
export function withoutPassword<T extends LoggedRequest>(request: T): T {
  const mark = request.url.indexOf('?');
  const given = new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1));
  const names = [...given.keys()].filter(isPassword);
  if (names.length === 0) {
    return request;
  }
  for (const name of names) {
    given.set(name, '[Redacted]');
  }
  const query = Object.fromEntries(Object.entries(request.query ?? {}).filter(([name]) => !isPassword(name)));
  return { ...request, url: `${request.url.slice(0, mark)}?${given}`, query };
}

/** Also in forms that are not taken but may be tried, such as "password[]". */
function isPassword(name: string): boolean {
  return /password/i.test(name);
}
