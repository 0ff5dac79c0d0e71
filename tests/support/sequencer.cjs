const { default: Sequencer } = require('@jest/test-sequencer');

/** The slowest test files, the longest first. A long file at the end would leave the other workers idle. */
const slowest = [
  'tests/chaos/chaos.test.ts',
  'tests/e2e/reEmbedding.test.ts',
  'services/chunker/test/ocr.test.ts',
  'services/chunker/test/hostile.test.ts',
  'tests/e2e/faults.test.ts',
  'tests/e2e/databaseRestart.test.ts',
  'tests/e2e/provider.test.ts',
  'tests/e2e/serverLimits.test.ts',
  'tests/e2e/readReplica.test.ts',
  'apps/cli/test/db.test.ts',
  'packages/process-pool/test/processPool.test.ts',
  'apps/cli/test/reEmbed.test.ts',
  'tests/e2e/pgbouncer.test.ts',
  'packages/database/test/reEmbedding.test.ts',
  'packages/database/test/migrations.test.ts',
  'packages/pdf/test/rewrite.test.ts',
  'apps/cli/test/index.test.ts',
  'apps/cli/test/dbBackup.test.ts',
  'packages/embeddings/test/staticTable.test.ts',
  'packages/chunking/test/corpus.test.ts',
  'packages/lifecycle/test/model/model.test.ts',
  'services/api/test/authorization.test.ts',
  'services/api/test/fuzz.test.ts',
  'bench/test/liveRows.test.ts',
  'services/chunker/test/rewritten.test.ts',
];

const rankOf = (test) => {
  const rank = slowest.findIndex((file) => test.path.endsWith(file));
  return rank < 0 ? slowest.length : rank;
};

/** Runs the slowest files first. Jest orders the others: by their last duration, or else by their size. */
module.exports = class extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((a, b) => rankOf(a) - rankOf(b));
  }
};
