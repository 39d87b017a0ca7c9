// Whole-system stories. scripts/test.sh brings the cluster up, builds everything and runs this, one story after the other.
import base from './jest.config.mjs'

/** The folder of stories: those of every run, or those of `make test-long`, which replace the broker and the operator several times each. */
const folder = process.env['WEAVER_STORIES'] === 'long' ? 'stories/long' : 'stories'

export default {
  ...base,
  testMatch: [`<rootDir>/e2e/${folder}/*.e2e.ts`],
  globalSetup: '<rootDir>/e2e/stories/global-setup.mjs',
  maxWorkers: 1,
  testTimeout: 1_800_000,
}
