import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockHolder, takeLock } from './process-lock.js'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-lock-'))
  path = join(folder, 'a.lock')
})
afterEach(() => rmSync(folder, { recursive: true }))

it('has one holder, until that gives it back', () => {
  expect(lockHolder(path)).toBeUndefined()
  const lock = takeLock(path, process.pid)
  expect(takeLock(path, process.ppid)).toEqual({ holder: process.pid })
  expect(lockHolder(path)).toBe(process.pid)
  if ('release' in lock) lock.release()
  expect(existsSync(path)).toBe(false)
})

it.each(['', ' ', '0', '-1 12', 'x', '999999999 1', `${process.ppid} 1`])(
  'is taken over from "%s", which is not a process that runs',
  (text) => {
    writeFileSync(path, text)
    expect(lockHolder(path)).toBeUndefined()
    expect(takeLock(path, process.pid)).toHaveProperty('release')
    expect(lockHolder(path)).toBe(process.pid)
    expect(readdirSync(folder)).toEqual(['a.lock'])
  },
)
