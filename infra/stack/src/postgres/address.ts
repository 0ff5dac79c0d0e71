/** The server and the name of a database. */
export interface DatabaseAddress {
  host: string;
  port: string;
  name: string;
}

/** Reads the address from a database URL. */
export function addressOf(databaseUrl: string): DatabaseAddress {
  const { hostname, port, pathname, searchParams } = new URL(databaseUrl);
  return {
    host: searchParams.get('host') ?? hostname,
    port: port || '5432',
    name: decodeURIComponent(pathname.slice(1)),
  };
}

/** Names a database for people, without user and password: "127.0.0.1:5432/millrace". */
export function describeDatabase(databaseUrl: string): string {
  const { host, port, name } = addressOf(databaseUrl);
  return `${host}:${port}/${name}`;
}
