import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseGraph, type ComponentGraph } from '@weaver/sdk/contract'
import type { WeaverGen } from '@weaver/sdk/internal'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { ParsedFiles } from './open-program.js'
import { fixtures, IMPORTS } from './testing/fixture.js'

const fixture = fixtures()
const parsed = new ParsedFiles()

/** A component `name` whose class has these fields. */
const declare = (name: string, fields: string = ''): string => `
export interface ${name} { m(): Promise<void> }
export const ${name} = component<${name}>('test/${name}')
class ${name}Impl implements ${name} { ${fields} async m() {} }
export const ${name}Implementation = implement(${name}, ${name}Impl)
`
const onlyToken = (name: string): string => `
export interface ${name} { m(): Promise<void> }
export const ${name} = component<${name}>('test/${name}')
`

async function generated(source: string) {
  const made = fixture({ 'a.ts': IMPORTS + source })
  const result = await generate({ projectDir: made.folder, parsed })
  const graph = (): ComponentGraph => parseGraph(readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8'))
  return { made, graph, errors: result.diagnostics.map(formatDiagnostic) }
}

describe('lazy refs', () => {
  it('may close a circle, and are refs to the deployer', async () => {
    const { made, graph, errors } = await generated(declare('A', 'readonly b = ref(B);') + declare('B', 'readonly a = lazyRef(A);'))
    expect(errors).toEqual([])
    expect(made.typeErrors()).toEqual([])
    const node = (name: string) => graph().components.find((component) => component.name === name)
    expect(node('test/A')).toMatchObject({ refs: ['test/B'] })
    expect(node('test/A')).not.toHaveProperty('lazyRefs')
    expect(node('test/B')).toMatchObject({ refs: ['test/A'], lazyRefs: ['test/A'] })
    const { weaver } = (await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { readonly weaver: WeaverGen }
    expect(weaver.components().map(({ refs }) => refs)).toEqual([['test/B'], ['test/A']])
  })

  it('beside a plain ref to the same component change nothing', async () => {
    const { errors } = await generated(
      declare('A', 'readonly b = ref(B);') + declare('B', 'readonly a = lazyRef(A); readonly again = ref(A);'),
    )
    expect(errors.join()).toMatch(/WVG013.* test\/A → test\/B → test\/A/)
  })
})

describe('optional refs', () => {
  it('to what nothing implements are no refs, and to anything else they are', async () => {
    const { made, graph, errors } = await generated(
      onlyToken('Absent') + declare('There') + declare('A', 'readonly absent = optionalRef(Absent); readonly there = optionalRef(There);'),
    )
    expect(errors).toEqual([])
    expect(made.typeErrors()).toEqual([])
    expect(graph().components.map(({ name, refs }) => [name, refs])).toEqual([
      ['test/A', ['test/There']],
      ['test/There', []],
    ])
  })

  it('do not excuse a plain ref, nor a component that nobody refers to', async () => {
    const { errors } = await generated(
      onlyToken('Absent') +
        onlyToken('Alone') +
        declare('A', 'readonly a = optionalRef(Absent);') +
        declare('B', 'readonly a = ref(Absent);'),
    )
    expect(errors).toEqual([
      expect.stringMatching(/WVG005.*"test\/Absent" has no implementation/),
      expect.stringMatching(/WVG005.*"test\/Alone" has no implementation/),
    ])
  })

  it('close no circle', async () => {
    const { errors } = await generated(declare('A', 'readonly b = optionalRef(B);') + declare('B', 'readonly a = optionalRef(A);'))
    expect(errors.join()).toMatch(/WVG013/)
  })

  it.each(['lazyRef', 'optionalRef'])('%s stands in a field as ref does', async (name) => {
    const { errors } = await generated(`${declare('A')}export const make = () => ${name}(A)`)
    expect(errors.join()).toMatch(new RegExp(`WVG009.*${name}\\(\\) is not the initialiser of a class field`))
  })
})
