import type { GenerateResult } from './generate-result.js'
import { fixtures, IMPORTS } from './testing/fixture.js'
import { watchPackage } from './watch.js'

const fixture = fixtures()
const source = (parameter: string): string =>
  `${IMPORTS}export interface A { m(${parameter}): Promise<void> }\nexport const A = component<A>('test/A')\nclass AImpl implements A { async m() {} }\nexport const aImpl = implement(A, AImpl)\n`

it('generates at first and after every change, goes on after a mistake, and stops', async () => {
  const made = fixture({ 'a.ts': source('') })
  const results: GenerateResult[] = []
  const watching = watchPackage({ projectDir: made.folder }, (result) => void results.push(result))
  const next = async (count: number): Promise<string | undefined> => {
    for (let tries = 0; results.length < count && tries < 1_000; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
    return results[count - 1]?.status
  }
  try {
    expect(await next(1)).toBe('written')
    made.write('src/a.ts', source('a: string'))
    expect(await next(2)).toBe('written')
    expect(made.generated()).toContain('m: (a) =>')
    made.write('src/a.ts', source('a: () => void'))
    expect(await next(3)).toBe('failed')
    expect(results[2]?.diagnostics).toHaveLength(1)
    made.write('src/a.ts', source('b: number'))
    expect(await next(4)).toBe('written')
    expect(made.generated()).toContain('m: (b) =>')
    made.write('src/a.ts', source('a: () => void'))
    expect(await next(5)).toBe('failed')
    made.write('src/a.ts', source('b: number'))
    expect(await next(6)).toBeDefined() // written or unchanged: the mistake is mended
    expect(results[5]?.status).not.toBe('failed')
    // What it writes itself, and what is no source, starts nothing.
    made.write('src/notes.md', 'x')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(results).toHaveLength(6)
  } finally {
    await watching.close()
  }
  made.write('src/a.ts', source(''))
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(results).toHaveLength(6)
})
