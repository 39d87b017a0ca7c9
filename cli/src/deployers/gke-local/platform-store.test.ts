import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gkeFolders } from './gke-folders.js'
import { buildFolder, makerLock, specFile, sweepVersions, writeApp, writeJson } from './platform-store.js'
import { takeLock } from '../local/process-lock.js'

let state: string
beforeEach(() => (state = mkdtempSync(join(tmpdir(), 'weaver-store-'))))
afterEach(() => rmSync(state, { recursive: true }))

it('a version that no application names goes, but for one that is being made', () => {
  const folders = gkeFolders({ XDG_STATE_HOME: state })
  for (const id of ['named', 'left', 'begun', 'making']) {
    mkdirSync(buildFolder(folders, id), { recursive: true })
    if (id !== 'begun') writeJson(specFile(folders, id), { format: 1 })
  }
  writeFileSync(`${specFile(folders, 'begun')}.new`, '{"env":')
  const made = takeLock(makerLock(folders, 'making'), process.ppid)
  writeApp(folders, { format: 1, app: 'shop', regions: ['west'], versions: ['named'], desired: 'named', engines: {}, history: [] })

  writeFileSync(join(folders.apps, 'later.json'), '{"format":2}') // it may name any
  sweepVersions(folders)
  expect(readdirSync(folders.builds)).toHaveLength(4)

  rmSync(join(folders.apps, 'later.json'))
  sweepVersions(folders)
  expect([readdirSync(folders.builds).sort(), readdirSync(folders.versions).sort()]).toEqual([
    ['making', 'named'],
    ['making.json', 'making.lock', 'named.json'],
  ])

  if ('release' in made) made.release()
  sweepVersions(folders)
  expect(readdirSync(folders.versions)).toEqual(['named.json'])
})
