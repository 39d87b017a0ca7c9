import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Reader, Writer, type MethodBinding, type WeaverGen } from '@weaver/sdk/internal'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { fixtures, IMPORTS } from './testing/fixture.js'

const fixture = fixtures()

/** Numbers of members around each width of their number in a message. */
const COUNTS = [127, 128, 129, 255, 256, 257, 300, 16_385]
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)
const last = (count: number): readonly number[] => upTo(count).slice(-3)

describe('types of many parts', () => {
  const types: Readonly<Record<string, readonly [type: string, values: readonly unknown[]]>> = {
    ...Object.fromEntries(
      COUNTS.filter((count) => count <= 300).flatMap((count) => [
        [
          `objects${count}`,
          [
            upTo(count)
              .map((i) => `{ type: 'e${i}'; n${i}: number }`)
              .join(' | '),
            upTo(count).map((i) => ({ type: `e${i}`, [`n${i}`]: i })),
          ],
        ],
        [
          `mixed${count}`,
          [
            ['string', 'null', ...upTo(count - 2).map((i) => `{ type: ${i} }`)].join(' | '),
            ['text', null, ...upTo(count - 2).map((i) => ({ type: i }))],
          ],
        ],
        [
          `optional${count}`,
          [
            `{ ${upTo(count)
              .map((i) => `f${i}?: number | undefined`)
              .join('; ')} }`,
            [
              {},
              ...last(count).flatMap((i) => [{ [`f${i}`]: i }, { [`f${i}`]: undefined }]),
              Object.fromEntries(upTo(count).map((i) => [`f${i}`, i])),
            ],
          ],
        ],
        [
          `tuple${count}`,
          [
            `[${upTo(count)
              .map(() => 'number?')
              .join(', ')}]`,
            [[], [1], upTo(count), upTo(count).slice(1)],
          ],
        ],
      ]),
    ),
    ...Object.fromEntries(
      COUNTS.map((count) => [
        `literals${count}`,
        [
          upTo(count)
            .map((i) => `'l${i}'`)
            .join(' | '),
          [0, 1, 127, 128, 255, 256, 16_383, 16_384].filter((i) => i < count).map((i) => `l${i}`),
        ],
      ]),
    ),
    list: ['number[]', [[], upTo(127), upTo(128), upTo(16_383), upTo(16_384)]],
    bytes: ['Uint8Array', [0, 127, 128, 16_383, 16_384, 70_000].map((length) => new Uint8Array(length).fill(9))],
  }
  let methods: readonly MethodBinding[]

  beforeAll(async () => {
    const entries = Object.entries(types)
    const made = fixture({
      'wide.ts': `${IMPORTS}
${entries.map(([name, [type]]) => `export type T_${name} = ${type}`).join('\n')}
export interface Wide {
${entries.map(([name]) => `  ${name}(value: T_${name}): Promise<void>`).join('\n')}
  arguments(${upTo(300)
    .map((i) => `a${i}: number`)
    .join(', ')}): Promise<void>
}
export const Wide = component<Wide>('test/Wide')
class WideImpl implements Wide {
${entries.map(([name]) => `  async ${name}() {}`).join('\n')}
  async arguments() {}
}
export const wideImpl = implement(Wide, WideImpl)
`,
    })
    const result = await generate({ projectDir: made.folder })
    expect(result.diagnostics.map(formatDiagnostic)).toEqual([])
    expect(made.typeErrors()).toEqual([])
    const { weaver } = (await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { readonly weaver: WeaverGen }
    methods = weaver.components()[0]?.methods ?? []
  })

  const arrived = (name: string, args: readonly unknown[]): readonly unknown[] => {
    const method = methods.find((found) => found.name === name)
    if (method === undefined) throw new Error(`no method ${name}`)
    const w = new Writer()
    method.encodeArgs(w, args)
    const r = new Reader(w.finish())
    const read = method.decodeArgs(r)
    expect(r.left).toBe(0)
    return read
  }

  it.each(Object.entries(types))('each part of %s arrives as itself', (name, [, values]) => {
    for (const value of values) expect(arrived(name, [value])).toStrictEqual([value])
  })

  it('each of 300 arguments arrives in its place', () => {
    expect(arrived('arguments', upTo(300))).toEqual(upTo(300))
  })
})

it('a component has as many methods as their number on the wire can tell, and no more', async () => {
  const ofMethods = (count: number): string => `${IMPORTS}
export interface Many {
${upTo(count)
  .map((i) => `  m${i}(): Promise<void>`)
  .join('\n')}
}
export const Many = component<Many>('test/Many')
export const manyImpl = implement(Many, class {} as unknown as new () => Many)
`
  const result = await generate({ projectDir: fixture({ 'many.ts': ofMethods(2 ** 16 + 1) }).folder })
  expect(result.diagnostics.filter(({ code }) => code === 'WVG055').map(({ message }) => message)).toEqual([
    'component "test/Many" has 65537 methods',
  ])
  const fitting = await generate({ projectDir: fixture({ 'many.ts': ofMethods(2 ** 16) }).folder })
  expect(fitting.diagnostics.map(({ code }) => code)).not.toContain('WVG055')
})
