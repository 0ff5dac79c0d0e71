/** Who asks for a change: a principal of the API, a person at the command line, or the reconciler. */
export interface Actor {
  kind: 'api-key' | 'cli' | 'reconciler';
  /** Tells actors of one kind apart. The one API key needs none. */
  id?: string;
}

/** Returns the actor as rows and answers hold it: its kind, and its id if it has one. */
export function actorText({ kind, id }: Actor): string {
  return id === undefined ? kind : `${kind}:${id}`;
}
