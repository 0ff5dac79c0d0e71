/** Where a database is. */
export interface DatabasePlace {
  host: string;
  port: string;
  name: string;
}

/** The place that a database URL names. */
export function placeOf(databaseUrl: string): DatabasePlace {
  const { hostname, port, pathname, searchParams } = new URL(databaseUrl);
  return {
    host: searchParams.get('host') ?? hostname,
    port: port || '5432',
    name: decodeURIComponent(pathname.slice(1)),
  };
}

/** For people: the server and the database, without user and password. */
export function describePlace(databaseUrl: string): string {
  const { host, port, name } = placeOf(databaseUrl);
  return `${host}:${port}/${name}`;
}
