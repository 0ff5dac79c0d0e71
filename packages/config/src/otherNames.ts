export type Environment = Readonly<Record<string, string | undefined>>;

/** Names by which other programs and hosting services know a variable, and our name for it. */
const ownNames = { DATABASE_CONNECTION_STRING: 'DATABASE_URL' } as const;

/** Returns the environment with each variable under our name. Where both names are set, ours wins. */
export function withOwnNames(environment: Environment): Environment {
  const added = Object.entries(ownNames).flatMap(([other, own]) =>
    environment[other] && !environment[own] ? [[own, environment[other]]] : [],
  );
  return { ...environment, ...Object.fromEntries(added) };
}
