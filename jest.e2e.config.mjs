// Whole-system stories. scripts/test.sh brings the cluster up, builds everything and runs this, one story after the other.
import base from './jest.config.mjs'

export default {
  ...base,
  testMatch: ['<rootDir>/e2e/stories/*.e2e.ts'],
  globalSetup: '<rootDir>/e2e/stories/global-setup.mjs',
  maxWorkers: 1,
  testTimeout: 1_800_000,
}
