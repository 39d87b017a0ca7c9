// One runner for every package. Tests read the TypeScript sources through the `@weaver/source` condition, so they need no build.
// *.test.ts            no outside process needed, or a real nats-server / child process that the test starts itself
// e2e/stories/*.e2e.ts whole-system stories; run by scripts/test.sh with a cluster around them (jest.e2e.config.mjs)
export default {
  // a test that waits for a process, a broker or a lease must outlive a machine that is busy with other work
  testTimeout: 300_000,
  // many tests start processes and compilers of their own: with more workers than this they starve each other on two cores
  maxWorkers: 2,
  // From the order to exit until the process is gone, jest waits 500 ms by default before it kills the worker and warns of leaks. Its event loop is
  // empty by then ("beforeExit" fires at once); what takes longer is Node freeing the heap, some 300 ms on a busy machine even of a worker that ran
  // no test. A worker with an open handle still gets the warning, later.
  workerGracefulExitTimeout: 20_000,
  testEnvironment: '<rootDir>/scripts/jest-environment.cjs',
  testSequencer: '<rootDir>/scripts/test-sequencer.mjs',
  testMatch: [
    '<rootDir>/*/src/**/*.test.ts',
    '<rootDir>/examples/*/src/**/*.test.ts',
    '<rootDir>/e2e/cluster/**/*.test.ts',
    '<rootDir>/e2e/recipes/**/*.test.ts',
    '<rootDir>/e2e/dashboard/**/*.test.ts',
    '<rootDir>/scripts/**/*.test.ts',
  ],
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/', '<rootDir>/e2e/.work/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironmentOptions: { customExportConditions: ['@weaver/source', 'node', 'node-addons'] },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript' },
          transform: { useDefineForClassFields: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
}
