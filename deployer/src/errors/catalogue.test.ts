import { readFileSync } from 'node:fs'
import { DEPLOYER_ERRORS } from './catalogue.js'

it('docs/deployers.md lists every error of the package, and when it occurs', () => {
  const page = readFileSync(new URL('../../../docs/deployers.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(WEAVER_[A-Z_]+)` +\| (.*?) +\|/gm)].map(([, code, when]) => [code, when])
  expect(rows).toEqual(Object.entries(DEPLOYER_ERRORS).map(([code, { when }]) => [code, when]))
})
