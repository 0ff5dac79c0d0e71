/**
 * Who asks for a change. `user` and `api-key` are principals of the API. `cli` is a person at the command line. `anonymous` has
 * not signed in. `system` is the API itself.
 */
export interface Actor {
  kind: 'user' | 'api-key' | 'cli' | 'reconciler' | 'anonymous' | 'system';
  /** Tells actors of one kind apart: the id of the user or of the key, or the name of the person. */
  id?: string;
  /** The user behind a key; the user itself. */
  userId?: string;
  /** The address that the request came from, and the id of the request; of the API only. */
  address?: string;
  requestId?: string;
}

/** Returns the actor as rows and answers hold it: its kind, and its id if it has one. */
export function actorText({ kind, id }: Actor): string {
  return id === undefined ? kind : `${kind}:${id}`;
}
