import { z } from 'zod'
import { component, implement, type Implementation } from '../component/component.js'
import { config, logger, ref } from '../component/construction.js'
import type { ComponentBinding, WeaverGen } from '../component/binding.js'
import { buildDescription, parseDescribeRequest, parseDescription, withDescribedConfig } from '../contract/describe-run.js'
import { describeApplication } from './describe-application.js'

interface Any {
  m(): Promise<void>
}
const Other = component<Any>('test/Other')
let effects: string[]
beforeEach(() => (effects = []))

/** A generated file with these classes. */
function genOf(classes: Readonly<Record<string, new () => Any>>): WeaverGen {
  const bindings = Object.entries(classes).map(([name, create]) => {
    const token = component<Any>(name)
    const implementation: Implementation<Any> = implement(token, create)
    return {
      token,
      implementation,
      refs: [],
      listeners: [],
      methods: [],
      stub: () => ({}),
      local: () => ({}),
    } as unknown as ComponentBinding // nothing else is read
  })
  return { format: 5, fingerprint: 'ff', main: { refs: [], listeners: [] }, components: () => bindings }
}
class App {
  readonly options = config(z.object({ greeting: z.string().default('hi') }))
  main(): void {}
}
const describeOne = (create: new () => Any) => describeApplication(App, genOf({ 'test/One': create }), ['test/One'])

it('warns of booleans that take every text for true', () => {
  class One {
    options = config(z.object({ flags: z.object({ fast: z.coerce.boolean() }), safe: z.stringbool() }))
    async m(): Promise<void> {}
  }
  expect(describeOne(One)).toMatchObject({
    problems: [],
    warnings: [
      'config() of component "test/One": "flags.fast": z.coerce.boolean() takes every text but "" for true, "false" too: use z.stringbool()',
    ],
  })
})

it('tells bounds and defaults of the schemas, of main too, and runs nothing after the field', () => {
  class One implements Any {
    readonly other = ref(Other)
    readonly log = logger()
    readonly options = config(z.strictObject({ size: z.int().min(1).max(9).default(3), url: z.coerce.number() }))
    readonly late = effects.push('field')
    constructor() {
      effects.push('constructor')
    }
    async init() {
      effects.push('init')
    }
    async m() {}
  }
  const described = describeApplication(App, genOf({ 'test/One': One }), ['test/One', 'weaver/Main'])
  expect(described).toEqual({
    format: 1,
    fingerprint: 'ff',
    problems: [],
    config: {
      'weaver/Main': { type: 'object', properties: { greeting: { type: 'string', default: 'hi' } } },
      'test/One': {
        type: 'object',
        properties: { size: { type: 'integer', minimum: 1, maximum: 9, default: 3 }, url: {} }, // coerced: a text will do
        required: ['url'],
        additionalProperties: false,
      },
    },
  })
  expect(effects).toEqual([])
})

it('refuses what configuration cannot hold, all of it, with the place', () => {
  class One implements Any {
    readonly options = config(
      z.object({
        from: z.date(),
        to: z.coerce.date(),
        limits: z.object({ max: z.bigint(), by: z.map(z.string(), z.number()).optional() }),
      }),
    )
    async m() {}
  }
  expect(describeOne(One).problems).toEqual([
    'config() of component "test/One": "from": configuration cannot hold a Date: use z.iso.datetime(), or z.coerce.date()',
    'config() of component "test/One": "limits.by": configuration cannot hold a Map: use z.record()',
    'config() of component "test/One": "limits.max": configuration cannot hold a bigint: use z.number(), or z.coerce.bigint()',
  ])
})

it('says which class does more than keep what it is given', () => {
  class Calls implements Any {
    readonly other = ref(Other)
    readonly early = this.other.m()
    readonly options = config(z.object({}))
    async m() {}
  }
  expect(describeOne(Calls).problems).toEqual([
    expect.stringMatching(
      /^component "test\/One" cannot be constructed to be described: "test\/Other\.m" is called in a field or a constructor.*init\(\)/,
    ),
  ])
  class Throws implements Any {
    readonly early = JSON.parse('{')
    readonly options = config(z.object({}))
    async m() {}
  }
  expect(describeOne(Throws).problems).toEqual([expect.stringContaining('fields and constructors must do nothing but keep')])
  class None implements Any {
    async m() {}
  }
  expect(describeOne(None).problems).toEqual([expect.stringContaining('has no config() field in this build')])
  expect(describeApplication(App, genOf({}), ['test/Gone']).problems).toEqual([expect.stringContaining('is not in this build')])
})

it('a schema of another library tells nothing', () => {
  class One implements Any {
    readonly options = config({ parse: (given: unknown) => given })
    async m() {}
  }
  expect(describeOne(One)).toMatchObject({ config: {}, problems: [] })
})

it('what goes between the processes is checked', () => {
  expect(() => parseDescribeRequest('{}')).toThrow(expect.objectContaining({ code: 'WEAVER_BOOTSTRAP_INVALID' }))
  expect(parseDescribeRequest('{"file":"/x","components":["a"]}')).toEqual({ file: '/x', components: ['a'] })
  expect(parseDescription('nonsense')).toBe('it is not a JSON object')
  expect(parseDescription('{"format":9}')).toContain('format 9 is unknown')
  expect(parseDescription('{"format":1}')).toContain('lacks')
  const node = { methods: [], refs: [], listeners: [] }
  const described = buildDescription({ fingerprint: 'ff', config: { a: { type: 'object' }, b: {} }, problems: [] })
  expect(parseDescription(JSON.stringify(described))).toEqual(described)
  const graph = {
    format: 1,
    generator: '0',
    fingerprint: 'ff',
    components: [
      { name: 'a', ...node, config: {} },
      { name: 'b', ...node },
    ],
  } as const
  expect(withDescribedConfig(graph, described).components).toEqual([
    { name: 'a', ...node, config: { type: 'object' } },
    { name: 'b', ...node },
  ])
})
