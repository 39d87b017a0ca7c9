/**
 * The test kit works from jest, vitest and node:test: the same test, run by each in a process of
 * its own.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildExample } from '../../../scripts/build-example.js'

const RUNNERS = fileURLToPath(new URL('../runners', import.meta.url))
const packageOf = (name: string): string => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))

beforeAll(() => buildExample('reverser'), 120_000)

async function run(folder: string, args: readonly string[]): Promise<{ readonly code: number | null; readonly text: string }> {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, JEST_WORKER_ID: ___, ...env } = process.env
  const child = spawn(process.execPath, args, {
    cwd: join(RUNNERS, folder),
    env: { ...env, NO_COLOR: '1', FORCE_COLOR: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, text }
}

it.each([
  ['node:test', 'node', ['--test', '--test-reporter=tap', 'reverser.test.mjs'], /^# pass 7$/m],
  ['vitest', 'vitest', [join(packageOf('vitest'), 'vitest.mjs'), 'run', '--root', '.'], /Tests\s+7 passed/],
  [
    'jest',
    'jest',
    [
      '--experimental-vm-modules',
      join(packageOf('jest'), 'bin/jest.js'),
      '--rootDir',
      '.',
      '--config',
      '{"transform":{},"testMatch":["**/*.test.mjs"]}',
    ],
    /Tests:\s+7 passed/,
  ],
])(
  'the tests of this example pass when they are run by %s',
  async (_, folder, args, passed) => {
    const { code, text } = await run(folder, args)
    expect([code, text]).toEqual([0, expect.stringMatching(passed)])
  },
  180_000,
)
