import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const STATES = ['done', 'partly', 'open', 'later', 'left out'] as const

interface Row {
  readonly id: string
  readonly state: string
  readonly shown: string
  readonly note: string
}

const countsOf = (rows: readonly Row[]): string =>
  STATES.map((state) => ({ state, count: rows.filter((row) => row.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
    .join(', ')

// What the rows of a page are called that begin with a letter.
it.each<readonly [page: string, ...parts: (readonly [initial: RegExp, name: string])[]]>([
  ['parity.md', [/^/, 'rows']],
  ['parity-operators.md', [/^O/, 'features'], [/^C/, 'cases']],
])(
  'docs/%s counts its rows rightly, and every row that is done or partly names tests that are there, or a benchmark, and what is partly, later or left out says why',
  (name, ...parts) => {
    const url = new URL(`../docs/${name}`, import.meta.url)
    const page = readFileSync(url, 'utf8')
    const rows: readonly Row[] = [
      ...page.matchAll(/^\| ([A-Z]\d\d) +\| .*? +\| (done|partly|open|later|left out) +\| (.*?) *\| (.*?) *\|$/gm),
    ].map(([, id = '', state = '', shown = '', note = '']) => ({ id, state, shown: shown.trim(), note: note.trim() }))
    expect(rows.length).toBeGreaterThan(90)
    expect(rows.length).toBe([...page.matchAll(/^\| [A-Z]\d\d /gm)].length)
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
    const text = page.replace(/\s+/g, ' ')
    for (const [initial, called] of parts) {
      const those = rows.filter(({ id }) => initial.test(id))
      expect(text).toContain(`${countsOf(those)} of ${those.length} ${called}`)
    }
    const wrong = rows.filter(({ state, shown, note }) => {
      const files = [...shown.matchAll(/\]\((.*?)\)/g)].map(([, file = '']) => file)
      if (files.some((file) => !/\.(test|e2e)\.ts$/.test(file) || !existsSync(fileURLToPath(new URL(file, url))))) return true
      if (['partly', 'later', 'left out'].includes(state) && note === '') return true
      return (state === 'done' || state === 'partly') && files.length === 0 && !note.includes('npm run bench:')
    })
    expect(wrong).toEqual([])
  },
)
