import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Reader, Writer, type Calls, type LocalCalls, type MethodBinding, type WeaverGen } from '@weaver/sdk/internal'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { fixtures, IMPORTS, type Fixture } from './testing/fixture.js'

const fixture = fixtures()

/** Passes a value through two functions of a codec. */
function through(encode: (w: Writer) => void, decode: (r: Reader) => unknown): unknown {
  const w = new Writer()
  encode(w)
  return decode(new Reader(w.finish()))
}

describe('methods of every form', () => {
  let made: Fixture
  let weaver: WeaverGen
  let method: (name: string) => MethodBinding
  const calls: unknown[] = []
  const recorder: Calls = {
    call: (index, args) => (calls.push(['call', index, args]), Promise.resolve('answer')),
    stream: (index, args) => (calls.push(['stream', index, args]), (async function* () {})()),
  }

  beforeAll(async () => {
    made = fixture({
      'forms.ts': `${IMPORTS}
export class NotFound extends Error { readonly key = '' }
export abstract class NeverMade extends Error {}
export class Deeper extends NotFound {}
class Hidden extends Error {}
void Hidden
export interface Forms {
  none(): Promise<void>
  rest(first: string, ...others: number[]): Promise<number>
  restTuple(...pair: [name: string, count?: number]): Promise<null>
  pattern({ a }: { a: string }, [b]: [number]): Promise<string>
  target(target: string, calls: string): Promise<string>
  'with-dash'(value: string): Promise<string>
  optional(a?: string, b?: { c: number }): Promise<boolean | undefined>
  down(from: number): AsyncIterable<{ n: number }>
  up(label: string, items: AsyncIterable<Date>, last: boolean): Promise<number>
  both(items: AsyncIterable<number>): AsyncIterable<string>
  manyNamedArguments(theFirstArgument: string, theSecondArgument: string, theThirdArgument: string): Promise<string>
}
export const Forms = component<Forms>('test/Forms')
export abstract class Base<T> {
  async none(): Promise<void> {}
  async rest(_: string, ...others: number[]) { return others.length }
  async restTuple() { return null }
  async pattern() { return '' }
  async target(target: string, calls: string) { return target + calls }
  async 'with-dash'(value: T) { return value }
  async optional() { return undefined }
  async *down() { yield { n: 1 } }
  async up() { return 0 }
  async *both() { yield '' }
  async manyNamedArguments(a: string, b: string, c: string) { return a + b + c }
}
class FormsImpl extends Base<string> implements Forms { async init() {} health() { return true } }
export const formsImpl = implement(Forms, FormsImpl)
`,
      'others.ts': `${IMPORTS}
interface Secret { tell(): Promise<string> }
export const Teller = component<Secret>('test/Teller')
class TellerImpl implements Secret { async tell() { return '' } }
export const tellerImpl = implement(Teller, TellerImpl)
export const Nameless = component<{ tell(a: string): Promise<string> }>('test/Nameless')
export const namelessImpl = implement(Nameless, class { async tell(a: string) { return a } })
export type Of<T> = { tell(a: T): Promise<T> }
export const Of = component<Of<string>>('test/Of')
export const ofImpl = implement(Of, class { async tell(a: string) { return a } })
`,
    })
    const result = await generate({ projectDir: made.folder })
    expect(result.diagnostics.map(formatDiagnostic)).toEqual([])
    weaver = ((await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { weaver: WeaverGen }).weaver
    method = (name) => {
      const found = weaver
        .components()
        .find(({ token }) => token.name === 'test/Forms')
        ?.methods.find((binding) => binding.name === name)
      if (found === undefined) throw new Error(`no method ${name}`)
      return found
    }
  })

  it('compile under the strictest settings, also where the interface has another name or none', () => {
    expect(made.typeErrors()).toEqual([])
  })

  it('are laid out as prettier would', async () => {
    expect(made.generated()).toBe(await made.formatted())
  })

  it.each<readonly [string, readonly unknown[]]>([
    ['none', []],
    ['rest', ['a', 1, 2]],
    ['rest', ['a']],
    ['restTuple', ['a']],
    ['restTuple', ['a', 3]],
    ['pattern', [{ a: 'x' }, [1]]],
    ['optional', [undefined, { c: 1 }]],
  ])('%s takes %j', (name, args) => {
    const { encodeArgs, decodeArgs } = method(name)
    expect(through((w) => encodeArgs(w, args), decodeArgs)).toStrictEqual([...args])
  })

  it('a stream as argument is no part of the bytes; its items have a codec', () => {
    const { encodeArgs, decodeArgs, input, isStream } = method('up')
    expect(through((w) => encodeArgs(w, ['label', {}, true]), decodeArgs)).toStrictEqual(['label', undefined, true])
    expect(input?.position).toBe(1)
    expect(
      through(
        (w) => input?.encodeItem(w, new Date(5)),
        (r) => input?.decodeItem(r),
      ),
    ).toStrictEqual(new Date(5))
    expect(isStream).toBeUndefined()
  })

  it('a stream as result has a codec for its items', () => {
    const { encodeResult, decodeResult, isStream } = method('down')
    expect(isStream).toBe(true)
    expect(through((w) => encodeResult(w, { n: 4 }), decodeResult)).toStrictEqual({ n: 4 })
    expect(method('both')).toMatchObject({ isStream: true, input: { position: 0 } })
  })

  it('stubs hand on arguments as they were given', async () => {
    const binding = weaver.components().find(({ token }) => token.name === 'test/Forms')
    // the binding of a list is of unknown type; the test knows what it is
    const stub = binding?.stub(recorder) as Record<string, (...args: unknown[]) => Promise<unknown>>
    const index = (name: string): number => binding?.methods.findIndex((found) => found.name === name) ?? -1
    await stub['rest']?.('a', 1, 2)
    await stub['target']?.('x', 'y')
    await stub['with-dash']?.('z')
    await stub['manyNamedArguments']?.('1', '2', '3')
    stub['down']?.(3)
    expect(calls).toEqual([
      ['call', index('rest'), ['a', 1, 2]],
      ['call', index('target'), ['x', 'y']],
      ['call', index('with-dash'), ['z']],
      ['call', index('manyNamedArguments'), ['1', '2', '3']],
      ['stream', index('down'), [3]],
    ])
  })

  it('forwarders call the object itself where they may', async () => {
    const failed: unknown[] = []
    const entered = {} as NonNullable<ReturnType<LocalCalls['enter']>> // forwarders only hand it back
    const straight: LocalCalls = {
      ...recorder,
      enter: () => entered,
      leave: (_, result) => result,
      fail: <R>(_: unknown, error: unknown) => (failed.push(error), undefined as R),
    }
    const binding = weaver.components().find(({ token }) => token.name === 'test/Forms')
    const object = binding === undefined ? undefined : new binding.implementation.create()
    const local = binding?.local(straight, object) as Record<string, (...args: unknown[]) => Promise<unknown>> // as above
    expect(await local['rest']?.('a', 1, 2)).toBe(2)
    expect(await local['target']?.('x', 'y')).toBe('xy')
    expect(await local['with-dash']?.('z')).toBe('z')
    expect(await local['manyNamedArguments']?.('1', '2', '3')).toBe('123')
  })

  it('lists the exported error classes that can be made', () => {
    expect(weaver.errors?.map(({ name }) => name)).toEqual(['Deeper', 'NotFound'])
  })
})
