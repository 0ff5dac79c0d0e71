/**
 * Returns the URLs of the servers that the tests use. They are real servers, and the environment names them. `npm test`
 * starts them. Start them yourself before you run jest alone.
 */
export function testServers(): { databaseUrl: string; redisUrl: string } {
  const { DATABASE_URL, REDIS_URL } = process.env;
  if (!DATABASE_URL || !REDIS_URL) {
    throw new Error(
      'The tests need PostgreSQL with pgvector and Redis. Run "npm test", or to run jest alone:\n' +
        '  npm run services -- up && eval "$(npm run --silent services -- status --urls)" && export DATABASE_URL REDIS_URL',
    );
  }
  return { databaseUrl: DATABASE_URL, redisUrl: REDIS_URL };
}
