import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startWeaver } from '../../testing/run-weaver.js'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'weaver-browser-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A browser that writes down how it was called, and what it reads. */
async function installBrowser(): Promise<void> {
  for (const name of ['xdg-open', 'open']) {
    const program = join(folder, name)
    const read = `ls -ld "$(dirname "$1")" "$1"; cat "$1"`
    await writeFile(program, `#!/bin/sh\n{ echo "$*"; ${read}; } > "${folder}/part"\nmv "${folder}/part" "${folder}/called"\n`)
    await chmod(program, 0o700)
  }
}

it('opens a browser by a page that only this user can read, and removes the page at the end', async () => {
  await installBrowser()
  const state = join(folder, 'state')
  const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, HOME: folder, XDG_STATE_HOME: state }
  const command = startWeaver(['multi', 'dashboard'], { cwd: folder, env })
  const isOver = command.done.then(() => true)
  let called: string | undefined
  while (called === undefined && !(await Promise.race([isOver, sleep(20)])))
    called = await readFile(join(folder, 'called'), 'utf8').catch(() => undefined)
  const [line = '', mode, fileMode, html = ''] = called?.split('\n') ?? []
  expect(line).toMatch(/^\/.*\/state\/weaver\/dashboard-\w+\/open\.html$/)
  expect([mode, fileMode]).toEqual([expect.stringMatching(/^drwx------/), expect.stringMatching(/^-rw-------/)])
  const url = / content="0; url=(http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+)">$/.exec(html)?.[1] ?? ''
  expect(`${url}\n`).not.toBe(command.stdout())
  const answer = await fetch(url, { headers: { 'sec-fetch-site': 'cross-site' } })
  expect([answer.status, answer.headers.get('refresh')]).toEqual([200, expect.stringMatching(/^0; url=\/[\w-]{12}\/$/)])
  expect((await fetch(url)).status).toBe(401)

  command.interrupt()
  expect(await command.done).toMatchObject({ code: 0, stdout: expect.stringMatching(/^http:\S+\n$/) as string })
  expect(await readdir(join(state, 'weaver'))).toEqual([])
})
