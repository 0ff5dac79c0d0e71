/** The command line is not understood; the usage is shown and the exit code is 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export const usage = `Usage: npm run <command> [-- arguments]

  npm run demo [-- [--query TEXT] FILE...]
      Brings everything up, uploads the PDFs (without any: those in samples/), shows their progress, searches
      and stops what it started. The data stays.
  npm start
      Brings everything up and keeps it running until Ctrl-C.
  npm run services -- up | down | status [--urls] | reset | install
      PostgreSQL and Redis alone. reset deletes this checkout's data. install (as root) only installs packages.
  npm run db -- setup | migrate | rollback [COUNT] | roles | reset --yes | seed | status
  npm run db -- backup [FILE] | restore FILE [--yes]
      The database: docs/database/. setup brings it up with its tables and roles; rollback undoes the newest
      migrations, with the data in their tables; seed ingests samples/; status shows sizes, indexes, connections,
      slow statements and unfinished jobs.
  npm run millrace -- index report | build KIND | rebuild | drop
      The vector index; docs/database/vector-index.md.
  npm run bench -- NAME [arguments]
      Runs a benchmark.
  npm run chaos [-- --seed N --minutes M --documents N]
      Ingests documents while processes and servers of its own are killed, and checks that nothing was lost.
  npm test [-- arguments of jest]
      Lint, type check and tests, with the services they need.

Variables are read from the environment and from a file named .env; .env.example explains each one.`;
