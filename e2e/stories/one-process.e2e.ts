// The same example in one process: `node dist/main.js` alone, and under `weaver single deploy`.
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { repositoryRoot } from '../support/paths.js'
import { eventually } from '../support/sh.js'

const root = fileURLToPath(repositoryRoot)
const example = `${root}examples/httpserver`

async function answers(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ output: string; body: string; code: number | null }> {
  const child: ChildProcess = spawn(process.execPath, command, {
    cwd: example,
    env: { ...process.env, WEAVER_CONFIG: '', SERVICEWEAVER_CONFIG: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const exited = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)))
  try {
    const address = await eventually('the listener', async () => /(?:localhost|127\.0\.0\.1|\[::1\]|::1):(\d+)/.exec(output)?.[1], {
      timeoutMs: 20_000,
      everyMs: 100,
    })
    const response = await fetch(`http://localhost:${address}/signed?text=abc`)
    const body = await response.text()
    child.kill('SIGTERM')
    return { output, body, code: await exited }
  } finally {
    child.kill('SIGKILL')
  }
}

it('node dist/main.js runs everything, with a banner, no broker and no configuration', async () => {
  const { output, body, code } = await answers(['dist/main.js'])
  expect(output).toMatch(/app\s+:?\s*\S+/)
  expect(output).toMatch(/deployment\s+:?\s*\S+/)
  expect(JSON.parse(body)).toMatchObject({ reverser: { release: 'v1' }, converter: { release: 'v1' }, main: { release: 'v1' } })
  expect(code).toBe(0)
})

it.each([
  ['weaver single deploy weaver.toml', [`${root}cli/bin/weaver.js`, 'single', 'deploy', 'weaver.toml'], {}],
  ['SERVICEWEAVER_CONFIG', ['dist/main.js'], { SERVICEWEAVER_CONFIG: 'weaver.toml' }],
  ['WEAVER_CONFIG', ['dist/main.js'], { WEAVER_CONFIG: 'weaver.toml' }],
])('%s honours the configuration', async (_, command, env) => {
  const { output, body, code } = await answers(command, env)
  expect(output).toMatch(/httpserver/)
  expect(JSON.parse(body)).toHaveProperty('converter.release', 'v1')
  expect(code).toBe(0)
})
