import { readFileSync } from 'node:fs'
import { checkNodeVersion, OLDEST_NODE } from './node-version.js'

it('is what package.json says', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { engines: { node: string } }
  expect(engines.node).toBe(`>=${OLDEST_NODE}`)
})

it.each(['20.20.2', '22.11.0', '18.0.0'])('refuses Node %s in one sentence that says what to do', (version) => {
  expect(() => checkNodeVersion(version)).toThrow(
    `Weaver needs Node 22.12 or newer, and this process runs on ${version}: run it on Node 24 LTS, https://nodejs.org/`,
  )
})

it.each(['22.12.0', '22.20.1', '24.0.0', '26.12.1', process.versions.node])('takes Node %s', (version) => {
  expect(() => checkNodeVersion(version)).not.toThrow()
})
