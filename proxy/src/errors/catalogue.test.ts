import { readFileSync } from 'node:fs'
import { PROXY_ERRORS } from './catalogue.js'

it('docs/proxy.md lists every error of the package, and when it occurs', () => {
  const page = readFileSync(new URL('../../../docs/proxy.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(WEAVER_[A-Z_]+)` +\| (.*?) +\|/gm)].map(([, code, when]) => [code, when])
  expect(rows).toEqual(Object.entries(PROXY_ERRORS).map(([code, { when }]) => [code, when]))
})
