const { availableParallelism } = require('node:os');

// Third-party packages that ship ES modules only and so pass through the transform as well.
const esmOnly = [
  'jose',
  'node-pg-migrate',
  'glob',
  'minimatch',
  'brace-expansion',
  'balanced-match',
  'path-scurry',
  'lru-cache',
  'minipass',
];

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: '<rootDir>/tests/support/nodeEnvironment.cjs',
  testMatch: [
    '<rootDir>/{packages,services,infra,apps}/*/test/**/*.test.ts',
    '<rootDir>/bench/test/**/*.test.ts',
    '<rootDir>/tests/{e2e,chaos}/*.test.ts',
  ],
  modulePathIgnorePatterns: ['<rootDir>/.millrace', '/dist/'],
  moduleNameMapper: {
    '^@millrace/(api|chunker|embedder|reconciler)$': '<rootDir>/services/$1/src',
    '^@millrace/stack$': '<rootDir>/infra/stack/src',
    '^@millrace/test-support$': '<rootDir>/tests/support/src',
    '^@millrace/test-support/(lifecycle|queues)$': '<rootDir>/tests/support/src/$1',
    '^@millrace/contracts/(errors|text)$': '<rootDir>/packages/contracts/src/$1',
    '^@millrace/([^/]+)$': '<rootDir>/packages/$1/src',
  },
  transform: {
    '\\.(ts|m?js)$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  transformIgnorePatterns: [`/node_modules/\\.pnpm/(?!(${esmOnly.join('|')})@)`],
  globalSetup: '<rootDir>/tests/support/src/globalSetup.ts',
  // Jest gives each test file a context of its own, and reading a global there is slow. Modules get these globals as
  // parameters, which halves the time of tests that read or chunk PDFs. No test may replace one of them.
  sandboxInjectedGlobals: ['Array', 'Float64Array', 'Map', 'Math', 'Number', 'Object', 'Set', 'String', 'Uint8Array'],
  testTimeout: 180_000,
  testSequencer: '<rootDir>/tests/support/sequencer.cjs',
  // One more than cores, because tests often wait for servers and other processes.
  maxWorkers: availableParallelism() + 1,
  // With --coverage, as `npm test` runs it. Only these files are instrumented, so that the rest takes no longer.
  collectCoverageFrom: ['<rootDir>/packages/{database,lifecycle}/src/**/*.ts'],
  coverageReporters: ['text'],
  coverageThreshold: {
    './packages/database/src/': { lines: 96 },
    './packages/lifecycle/src/': { lines: 99 },
  },
};
