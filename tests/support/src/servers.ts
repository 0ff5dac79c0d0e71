/**
 * The servers the tests run on. They are real, and are named by the environment: `npm test` brings them up itself;
 * to run jest alone, bring them up first.
 */
export function testServers(): { databaseUrl: string; redisUrl: string } {
  const { DATABASE_URL, REDIS_URL } = process.env;
  if (!DATABASE_URL || !REDIS_URL) {
    throw new Error(
      'The tests need PostgreSQL with pgvector and Redis. Run "npm test", or to run jest by itself:\n' +
        '  npm run services -- up && eval "$(npm run --silent services -- status --urls)" && export DATABASE_URL REDIS_URL',
    );
  }
  return { databaseUrl: DATABASE_URL, redisUrl: REDIS_URL };
}
