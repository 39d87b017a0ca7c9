import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../bin/weaver.js', import.meta.url))

/** The process says that it is another Node: a real one of each age is not at hand everywhere. */
function weaverOnNode(version: string): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--import', `data:text/javascript,${pretend}`, BIN, '--help'], (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

it.each(['20.20.2', '22.18.0'])('on Node %s, weaver ends with one sentence that says what to install', async (version) => {
  expect(await weaverOnNode(version)).toEqual({
    code: 1,
    stdout: '',
    stderr: `weaver needs Node 22.19 or newer, and this is ${version}: install Node 24 LTS, https://nodejs.org/\n`,
  })
})
