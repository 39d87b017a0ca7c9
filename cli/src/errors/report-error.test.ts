import { writeFileSync } from 'node:fs'
import { createOutput } from '../print/output.js'
import { Writable } from 'node:stream'
import { anError } from '../testing/an-error.js'
import { runWeaver } from '../testing/run-weaver.js'
import { reportError } from './report-error.js'

function reported(work: () => unknown): { readonly code: number; readonly text: string } {
  let text = ''
  const stream = new Writable({ write: (chunk, _encoding, done) => ((text += String(chunk)), done()) })
  try {
    work()
  } catch (error) {
    return { code: reportError(error, { output: createOutput({ stdout: stream, stderr: stream, env: {} }), env: {} }), text }
  }
  throw new Error('nothing failed')
}

describe('an error of the operating system', () => {
  it('on a full disk says so, and where else things may be kept', () => {
    expect(reported(() => writeFileSync('/dev/full', 'x'))).toEqual({
      code: 1,
      text: 'error WEAVER_CLI_SYSTEM: ENOSPC: no space left on device, write; free some space; logs and the list of running deployments may be on another disk (XDG_STATE_HOME)\n',
    })
  })

  it('over the folder of logs and deployments names its path, by every command', async () => {
    const [folder, file] = [import.meta.dirname, import.meta.filename]
    for (const line of ['multi status', 'single status', 'multi logs', 'single logs'])
      expect(await runWeaver(line.split(' '), { cwd: folder, env: { XDG_STATE_HOME: file } })).toEqual(
        anError(1, `error WEAVER_CLI_SYSTEM: ENOTDIR: not a directory, scandir '${file}/weaver/`, 'correct the path'),
      )
  })

  it('that only a mistake of ours brings about is called one', () => {
    const text = reported(() => {
      throw new TypeError('x is not a function')
    }).text
    expect(text).toBe('error: x is not a function\nerror: this is a fault of weaver itself; WEAVER_DEBUG=1 shows where\n')
  })
})
