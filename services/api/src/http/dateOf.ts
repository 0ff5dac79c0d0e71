/** The moment that a request names. A date without a time is its beginning in UTC. */
export function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
