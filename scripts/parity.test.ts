import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PAGE = new URL('../docs/parity.md', import.meta.url)

it('docs/parity.md counts its rows rightly, and every row that is done or partly names a file that is there, or a benchmark, and what is left out has its reason', () => {
  const page = readFileSync(PAGE, 'utf8')
  const rows = [...page.matchAll(/^\| ([A-Z]\d\d) +\| .*? +\| (done|partly|open|left out) +\| (.*?) +\| (.*?) *\|$/gm)].map(
    ([, id = '', state = '', shown = '', note = '']) => ({ id, state, shown, note }),
  )
  expect(rows.length).toBeGreaterThan(90)
  expect(rows.length).toBe([...page.matchAll(/^\| [A-Z]\d\d /gm)].length)
  const count = (state: string) => rows.filter((row) => row.state === state).length
  expect(page).toContain(`${count('done')} done, ${count('partly')} partly, ${count('open')} open, ${count('left out')} left out`)
  const unshown = rows.filter(({ state, shown, note }) => {
    const file = /\]\((.*?)\)/.exec(shown)?.[1]
    if (file !== undefined) return !existsSync(fileURLToPath(new URL(file, PAGE)))
    return state === 'left out' ? note === '' : state !== 'open' && !note.includes('npm run bench:')
  })
  expect(unshown).toEqual([])
})
