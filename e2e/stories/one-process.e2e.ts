// The same example in one process: `node dist/main.js` alone, and under `weaver single deploy`.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '@weaver/testing'
import { repositoryRoot } from '../support/paths.js'
import { eventually } from '../support/sh.js'

const root = fileURLToPath(repositoryRoot)
const example = `${root}examples/httpserver`

async function answers(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ output: string; port: string; body: string; greeting: string; code: number | null }> {
  const child: ChildProcess = spawn(process.execPath, command, {
    cwd: example,
    env: { ...process.env, WEAVER_CONFIG: '', SERVICEWEAVER_CONFIG: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const exited = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  try {
    const port = await eventually('the listener', async () => /(?:localhost|127\.0\.0\.1|\[::1\]|::1):(\d+)/.exec(output)?.[1], {
      everyMs: 100,
    })
    const response = await fetch(`http://localhost:${port}/signed?text=abc`)
    const body = await response.text()
    const { greeting } = (await (await fetch(`http://localhost:${port}/hello?text=you`)).json()) as { readonly greeting: string }
    child.kill('SIGTERM')
    return { output, port, body, greeting, code: await exited }
  } finally {
    child.kill('SIGKILL')
    await exited
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
  ['weaver single deploy', (toml: string) => [`${root}cli/bin/weaver.js`, 'single', 'deploy', toml], ''],
  ['SERVICEWEAVER_CONFIG', () => ['dist/main.js'], 'SERVICEWEAVER_CONFIG'],
  ['WEAVER_CONFIG', () => ['dist/main.js'], 'WEAVER_CONFIG'],
])('%s honours name, address and configuration', async (_, command, variable) => {
  const { toml, port } = await ownConfiguration()
  const { output, port: bound, body, greeting, code } = await answers(command(toml), variable === '' ? {} : { [variable]: toml })
  expect(output).toMatch(/app\s*:\s*moin/)
  expect(bound).toBe(String(port))
  expect(greeting).toMatch(/^Moin, /)
  expect(JSON.parse(body)).toHaveProperty('converter.release', 'v1')
  expect(code).toBe(0)
})

/** A weaver.toml in which nothing is as it is without one. */
async function ownConfiguration(): Promise<{ readonly toml: string; readonly port: number }> {
  const port = await freePort()
  const folder = `${root}e2e/.work/one-process`
  await mkdir(folder, { recursive: true })
  await writeFile(
    `${folder}/weaver.toml`,
    `[serviceweaver]\nname = "moin"\nbinary = "${example}/dist/main.js"\n["weaver/Main"]\ngreeting = "Moin"\n[single]\nlisteners.lis = { address = "localhost:${port}" }\n`,
  )
  return { toml: `${folder}/weaver.toml`, port }
}
