import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = ['*.md', 'docs/**/*.md', 'bench/*.md', 'charts/*/*.md', 'examples/*/*.md'].flatMap((pattern) =>
  globSync(pattern, { cwd: ROOT }),
)

it.each(PAGES)('every file that %s links to is there', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8')
  const links = [...text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)].map(([, link = '']) => link)
  expect(links.filter((link) => !existsSync(join(ROOT, dirname(page), link)))).toEqual([])
})
