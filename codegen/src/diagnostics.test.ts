import { CATALOGUE, formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { ParsedFiles } from './open-program.js'
import { fixtures, IMPORTS } from './testing/fixture.js'

const fixture = fixtures()
const parsed = new ParsedFiles()

describe('what breaks a rule is refused, with the place and the way to it', () => {
  const inMethod = (type: string, declarations = ''): Readonly<Record<string, string>> => ({
    'bad.ts': `${IMPORTS}${declarations}\nexport interface Bad { m(value: ${type}): Promise<void> }\nexport const Bad = component<Bad>('test/Bad')\nclass BadImpl implements Bad { async m() {} }\nexport const badImpl = implement(Bad, BadImpl)\n`,
  })
  const good = `export interface Good { m(): Promise<void> }\nexport const Good = component<Good>('test/Good')\nclass GoodImpl implements Good { async m() {} }\nexport const goodImpl = implement(Good, GoodImpl)\n`
  const withMethod = (method: string): Readonly<Record<string, string>> => ({
    'bad.ts': `${IMPORTS}export interface Bad { ${method} }\nexport const Bad = component<Bad>('test/Bad')\nclass BadImpl { }\nexport const badImpl = implement(Bad, BadImpl)\n`,
  })
  const routed = (router: string): string =>
    `export interface Routed { a(id: string): Promise<void>; b(n: number): Promise<void> }\nexport const Routed = component<Routed>('test/Routed', { router: ${router} })\nclass RoutedImpl implements Routed { async a() {} async b() {} }\nexport const routedImpl = implement(Routed, RoutedImpl)\n`
  const withHook = (hook: string): Readonly<Record<string, string>> => ({
    'a.ts': IMPORTS + good.replace('async m() {}', `async m() {} ${hook}`),
  })
  const cases: readonly (readonly [
    code: keyof typeof CATALOGUE,
    title: string,
    files: Readonly<Record<string, string>>,
    message: RegExp,
  ])[] = [
    [
      'WVG001',
      'a component that is not exported',
      { 'a.ts': `${IMPORTS}interface A { m(): Promise<void> }\nconst A = component<A>('a')\nvoid A` },
      /exported top-level const/,
    ],
    [
      'WVG002',
      'a computed name',
      { 'a.ts': `${IMPORTS}export interface A { m(): Promise<void> }\nexport const A = component<A>('a' + 'b')` },
      /not a string literal/,
    ],
    ['WVG003', 'no type argument', { 'a.ts': `${IMPORTS}export const A = component('a')` }, /does not name its interface/],
    [
      'WVG054',
      'an interface that nothing declares',
      { 'a.ts': `${IMPORTS}${good.replace('component<Good>', 'component<Missing>')}` },
      /interface of component "test\/Good" cannot be resolved: Missing/,
    ],
    [
      'WVG054',
      'an interface of a module that is not there',
      { 'a.ts': `${IMPORTS}import type { Gone } from './gone.js'\n${good.replace('component<Good>', 'component<Gone>')}` },
      /interface of component "test\/Good" cannot be resolved: Gone/,
    ],
    [
      'WVG008',
      'a ref to a token of a module that is not there',
      { 'a.ts': `${IMPORTS}import { Gone } from './gone.js'\n${good.replace('async m() {}', 'readonly x = ref(Gone); async m() {}')}` },
      /ref\(\) is not given a component: Gone/,
    ],
    [
      'WVG008',
      'a ref to a name that nothing declares',
      { 'a.ts': `${IMPORTS}${good.replace('async m() {}', 'readonly x = ref(Gone); async m() {}')}` },
      /ref\(\) is not given a component: Gone/,
    ],
    ['WVG004', 'one name twice', { 'a.ts': IMPORTS + good, 'b.ts': `${IMPORTS}${good}` }, /already declared at src\/a\.ts:\d+/],
    [
      'WVG005',
      'no implementation',
      { 'a.ts': `${IMPORTS}export interface A { m(): Promise<void> }\nexport const A = component<A>('a')` },
      /no implementation/,
    ],
    ['WVG006', 'two implementations', { 'a.ts': `${IMPORTS}${good}export const again = implement(Good, GoodImpl)` }, /implemented twice/],
    [
      'WVG007',
      'an implementation that is not exported',
      { 'a.ts': `${IMPORTS}${good.replace('export const goodImpl', 'const goodImpl')}void goodImpl` },
      /exported top-level const/,
    ],
    [
      'WVG008',
      'a ref to something else',
      { 'a.ts': `${IMPORTS}${good.replace('async m() {}', 'readonly x = ref({} as never); async m() {}')}` },
      /not given a component/,
    ],
    [
      'WVG008',
      'a ref to the main class',
      {
        'a.ts': `${IMPORTS}import { App } from './app.js'\n${good.replace('async m() {}', 'readonly x = ref(App as never); async m() {}').replace('App as never', 'App')}`,
        'app.ts': `${IMPORTS}export class App implements Main { main() {} }`,
      },
      /not given a component: App/,
    ],
    [
      'WVG008',
      'an implementation of something that is no component of this package',
      { 'a.ts': `${IMPORTS}${good}export const other = implement({} as never, GoodImpl)` },
      /implement\(\) is not given a component of this package/,
    ],
    [
      'WVG018',
      'a class with a method of another type',
      { 'a.ts': `${IMPORTS}${good.replace('m(): Promise<void>', 'm(): Promise<number>')}` },
      /GoodImpl does not fulfil component "test\/Good": another type has m\(\)/,
    ],
    [
      'WVG009',
      'a ref in a function',
      { 'a.ts': `${IMPORTS}${good}export const make = () => ref(Good)` },
      /not the initialiser of a class field/,
    ],
    [
      'WVG010',
      'a ref in a class that nobody gives',
      { 'a.ts': `${IMPORTS}${good}export class Other { readonly good = ref(Good) }` },
      /neither to implement\(\) nor to run\(\)/,
    ],
    [
      'WVG011',
      'a computed listener',
      { 'a.ts': `${IMPORTS}${good.replace('async m() {}', 'readonly x = listener(String(1)); async m() {}')}` },
      /not a string literal/,
    ],
    [
      'WVG012',
      'one listener twice',
      { 'a.ts': `${IMPORTS}${good.replace('async m() {}', `readonly x = listener('lis'); readonly y = listener('lis'); async m() {}`)}` },
      /declared by "test\/Good" and by "test\/Good"/,
    ],
    [
      'WVG013',
      'a circle',
      {
        'a.ts': `${IMPORTS}export interface A { m(): Promise<void> }\nexport interface B { m(): Promise<void> }\nexport const A = component<A>('a')\nexport const B = component<B>('b')\nclass AImpl implements A { readonly b = ref(B); async m() {} }\nclass BImpl implements B { readonly a = ref(A); async m() {} }\nexport const aImpl = implement(A, AImpl)\nexport const bImpl = implement(B, BImpl)`,
      },
      /a → b → a/,
    ],
    [
      'WVG014',
      'an option for a method that is not there',
      { 'a.ts': `${IMPORTS}${good.replace(`('test/Good')`, `('test/Good', { notRetriable: ['n'] })`)}` },
      /names "n"/,
    ],
    [
      'WVG015',
      'options from elsewhere',
      { 'a.ts': `${IMPORTS}const options = {}\n${good.replace(`('test/Good')`, `('test/Good', options)`)}` },
      /not an object literal/,
    ],
    ['WVG048', 'lead() without the option', withHook('async lead() {}'), /lead\(\) of GoodImpl never runs/],
    [
      'WVG048',
      'the option without lead()',
      { 'a.ts': `${IMPORTS}${good.replace(`('test/Good')`, `('test/Good', { leader: 'app' })`)}` },
      /has the option leader, but GoodImpl has no lead\(\)/,
    ],
    [
      'WVG048',
      'the option, and a method of that name',
      { 'a.ts': `${IMPORTS}${good.replaceAll('m()', 'lead()').replace(`('test/Good')`, `('test/Good', { leader: 'app' })`)}` },
      /its interface has a method lead\(\)/,
    ],
    [
      'WVG016',
      'two configs',
      {
        'a.ts': `${IMPORTS}${good.replace('async m() {}', 'readonly a = config({ parse: String }); readonly b = config({ parse: String }); async m() {}')}`,
      },
      /second config/,
    ],
    [
      'WVG057',
      'a method called init',
      { 'a.ts': IMPORTS + good.replaceAll('m()', 'init()') },
      /test\/Good\.init\(\) has the name of a hook/,
    ],
    ['WVG057', 'one called shutdown', { 'a.ts': IMPORTS + good.replaceAll('m()', 'shutdown()') }, /test\/Good\.shutdown\(\) has the name/],
    ['WVG017', 'init with a parameter', withHook('async init(name: string) { void name }'), /init of GoodImpl is not init\(\): void/],
    ['WVG017', 'init that gives something', withHook('async init() { return 1 }'), /init of GoodImpl/],
    ['WVG017', 'shutdown that is no method', withHook('readonly shutdown = true'), /shutdown of GoodImpl/],
    ['WVG017', 'health that gives a text', withHook(`health() { return 'well' }`), /health of GoodImpl is not health\(\): boolean/],
    [
      'WVG018',
      'a class that lacks a method',
      { 'a.ts': IMPORTS + good.replace('implements Good { async m() {} }', '{ async n() {} }') },
      /it lacks m\(\)/,
    ],
    [
      'WVG018',
      'a class with another method',
      { 'a.ts': IMPORTS + good.replace('implements Good { async m() {} }', '{ m() { return 1 } }') },
      /another type/,
    ],
    [
      'WVG019',
      'a generic class',
      {
        'a.ts':
          IMPORTS +
          good.replace('class GoodImpl implements', 'class GoodImpl<T> implements').replace('async m() {}', 'readonly t?: T; async m() {}'),
      },
      /has type parameters/,
    ],
    ['WVG020', 'a property', withMethod('readonly size: number'), /test\/Bad\.size is not a method/],
    ['WVG021', 'a synchronous method', withMethod('m(): string'), /returns string/],
    ['WVG022', 'an overload', withMethod('m(a: string): Promise<void>; m(a: number): Promise<void>'), /2 forms/],
    ['WVG023', 'a generic method', withMethod('m<T>(a: T): Promise<T>'), /type parameters/],
    ['WVG025', 'an async generator as result', withMethod('m(): AsyncGenerator<string>'), /returns AsyncGenerator/],
    [
      'WVG025',
      'a stream within data',
      inMethod('{ rows: AsyncIterable<string> }'),
      /Bad\.m\(value\)\.rows is an AsyncIterable within data/,
    ],
    [
      'WVG025',
      'two streams as arguments',
      withMethod('m(a: AsyncIterable<string>, b: AsyncIterable<string>): Promise<void>'),
      /takes 2 streams/,
    ],
    ['WVG026', 'an empty router', { 'a.ts': IMPORTS + routed('{}') }, /names no method/],
    ['WVG027', 'a boolean as key', { 'a.ts': IMPORTS + routed('{ a: (id: string) => id !== "" }') }, /returns boolean/],
    ['WVG027', 'a promise as key', { 'a.ts': IMPORTS + routed('{ a: async (id: string) => id }') }, /returns Promise<string>/],
    ['WVG027', 'no function', { 'a.ts': IMPORTS + routed('{ a: "id" }') }, /not one function/],
    [
      'WVG028',
      'keys of two types',
      { 'a.ts': IMPORTS + routed('{ a: (id: string) => id, b: (n: number) => n }') },
      /"test\/Routed\.b" is routed by number, "test\/Routed\.a" by string/,
    ],
    [
      'WVG029',
      'a key function with another argument',
      { 'a.ts': IMPORTS + routed('{ a: (id: number) => id }') },
      /takes number as argument 1/,
    ],
    [
      'WVG029',
      'a key function with more arguments',
      { 'a.ts': IMPORTS + routed('{ a: (id: string, n: number) => n }') },
      /takes number as argument 2/,
    ],
    [
      'WVG014',
      'a key function for no method',
      { 'a.ts': IMPORTS + routed('{ c: (id: string) => id }') },
      /router of component "test\/Routed" names "c"/,
    ],
    ['WVG015', 'a router from elsewhere', { 'a.ts': IMPORTS + 'const router = {}\n' + routed('router') }, /not written in place/],
    [
      'WVG015',
      'a balance that there is not',
      { 'a.ts': IMPORTS + routed(`{ a: (id: string) => id }, balance: 'luck' as never`) },
      /balance of component "test\/Routed" is not written in place as 'slices' or 'load'/,
    ],
    [
      'WVG053',
      'a balance of no keys',
      { 'a.ts': `${IMPORTS}${good.replace(`('test/Good')`, `('test/Good', { balance: 'load' })`)}` },
      /component "test\/Good" has the option balance, but no router/,
    ],
    [
      'WVG015',
      'a leader from elsewhere',
      { 'a.ts': `${IMPORTS}const scope = 'app' as const\n${good.replace(`('test/Good')`, `('test/Good', { leader: scope })`)}` },
      /leader of component "test\/Good" is not written in place/,
    ],
    [
      'WVG015',
      'a computed notRetriable',
      { 'a.ts': `${IMPORTS}const name = 'm'\n${good.replace(`('test/Good')`, `('test/Good', { notRetriable: [name] })`)}` },
      /not a string literal/,
    ],
    [
      'WVG030',
      'a function deep inside',
      inMethod('Order', 'export interface Order { items: { price: () => number }[] }'),
      /Bad\.m\(value\)\.items\[\]\.price is a function/,
    ],
    ['WVG030', 'a library class', inMethod('RegExp'), /is a RegExp/],
    ['WVG031', 'any', inMethod('{ a: any }'), /m\(value\)\.a is any/],
    ['WVG030', 'a promise in data', inMethod('{ a: Promise<string> }'), /Bad\.m\(value\)\.a is a Promise/],
    ['WVG030', 'a symbol', inMethod('{ a: symbol }'), /a is a symbol/],
    ['WVG031', 'a symbol as the only key', inMethod('{ [Symbol.iterator]: string }'), /has only symbols as keys/],
    ['WVG030', 'symbols as keys', inMethod('Record<symbol, string>'), /has symbols as keys/],
    ['WVG030', 'a constructor', inMethod('{ a: new () => Date }'), /is a function/],
    ['WVG030', 'never', inMethod('{ a: never }'), /is never/],
    ['WVG030', 'an error in data', inMethod('{ a: Error }'), /is an Error/],
    [
      'WVG030',
      'a function in a type of another file',
      { ...inMethod('Far', `import type { Far } from './far.js'\n`), 'far.ts': 'export interface Far { meta: { callback(): void } }' },
      /^Bad\.m\(value\)\.meta\.callback is a function$/,
    ],
    ['WVG030', 'a function in a map', inMethod('Map<string, () => void>'), /values\(\)\[\] is a function/],
    ['WVG031', 'unknown', inMethod('unknown'), /is unknown/],
    ['WVG031', 'any in a generic type', inMethod('Page<any>', 'export interface Page<T> { items: T[] }'), /items\[\] is any/],
    ['WVG031', 'object', inMethod('object'), /says nothing of its properties/],
    ['WVG031', 'an empty interface', inMethod('Empty', 'export interface Empty {}'), /any value is/],
    ['WVG031', 'a type that cannot be found', inMethod('Missing'), /is Missing, which the compiler does not know/],
    [
      'WVG032',
      'a class instance',
      inMethod('Money', 'export class Money { constructor(readonly cents: number) {} }'),
      /instance of class Money/,
    ],
    [
      'WVG032',
      'a subclass of one with a codec',
      inMethod(
        'Euro',
        'export class Money { cents = 1 }\nexport class Euro extends Money { sign = "€" }\nexport const moneyCodec = codec<Money, { cents: number }>(Money, { toPlain: ({ cents }) => ({ cents }), fromPlain: () => new Money() })',
      ),
      /instance of class Euro, which has no codec/,
    ],
    ['WVG033', 'two arrays', inMethod('string[] | number[]'), /look alike at run time/],
    ['WVG033', 'objects that look alike', inMethod('{ a: string } | { b: string }'), /no common literal property/],
    ['WVG034', 'named properties beside free keys', inMethod('{ a: string; [key: string]: string }'), /index signature/],
    ['WVG034', 'two index signatures', inMethod('{ [key: string]: string | number; [key: `a-${string}`]: string }'), /2 index signatures/],
    [
      'WVG035',
      'a codec that is not exported',
      inMethod(
        'string',
        'class Money { cents = 1 }\nconst c = codec<Money, number>(Money, { toPlain: (m) => m.cents, fromPlain: () => new Money() })\nvoid c',
      ),
      /exported top-level const/,
    ],
    [
      'WVG035',
      'a codec of a generic class',
      inMethod(
        'string',
        'export class Of<T> { t?: T }\nexport const c = codec<Of<string>, string>(Of, { toPlain: () => "", fromPlain: () => new Of() })',
      ),
      /class Of has type parameters/,
    ],
    [
      'WVG035',
      'two codecs of one class',
      inMethod(
        'string',
        ['a', 'b']
          .map((n) => `export const ${n} = codec<Money, number>(Money, { toPlain: (m) => m.cents, fromPlain: () => new Money() })`)
          .join('\n') + '\nexport class Money { cents = 1 }',
      ),
      /already has a codec/,
    ],
    [
      'WVG056',
      'a required brand that is a text',
      inMethod(`{ mail: string } & { readonly __brand: 'Verified' }`),
      /Bad\.m\(value\)\.__brand is required, and looks like a brand/,
    ],
    ['WVG056', 'one of an interface', inMethod(`{ mail: string; _brand: 'Verified' }`), /_brand is required/],
    [
      'WVG032',
      'an interface that extends a class with a private member',
      inMethod('Like', 'class Data { private secret = 1; open = 2 }\nexport interface Like extends Data {}\nvoid Data'),
      /Bad\.m\(value\)\.secret is a private member of a class/,
    ],
    [
      'WVG032',
      'a protected one and a private name',
      inMethod(
        'Like',
        'class Data { #hidden = 1; open = 2; get h() { return this.#hidden } }\nexport interface Like extends Data {}\nvoid Data',
      ),
      /Bad\.m\(value\)\.#hidden is a private member of a class/,
    ],
    ['WVG030', 'an array with data beside', inMethod('string[] & { total: number }'), /an array with other properties, such as total/],
    ['WVG030', 'an interface that extends an array', inMethod('Names', 'export interface Names extends Array<string> {}'), /is a Names, which extends Array/], // prettier-ignore
    ['WVG030', 'a method by a symbol', inMethod('{ a: string; [Symbol.dispose](): void }'), /value\)\.\[dispose\] is a method by a symbol/],
    [
      'WVG031',
      'nothing but a brand',
      inMethod('{ readonly [mark]: true }', 'declare const mark: unique symbol'),
      /has only symbols as keys/,
    ],
    ['WVG033', 'two arrays, which it names', inMethod('string[] | number[]'), /a union of string\[\] and number\[\], which look alike/],
    ['WVG033', 'objects, which it describes', inMethod('{ a: string } | { b: string }'), /\{ a \} and \{ b \}, which have no common/],
    [
      'WVG018',
      'a method of another type, which it names',
      withMethod('one(a: string): Promise<void>; two(): Promise<number>'),
      /it lacks one\(\), two\(\)/,
    ],
    [
      'WVG018',
      'the method that has another type',
      { 'a.ts': IMPORTS + good.replaceAll('implements Good ', '').replace('async m() {}', 'async m(needed: string) { void needed }') },
      /another type has m\(\)/,
    ],
    [
      'WVG020',
      'a method by a symbol, by its name in the source',
      {
        'bad.ts': `${IMPORTS}declare const hidden: unique symbol\n${good.replace('{ m(): Promise<void> }', '{ m(): Promise<void>; [hidden](): Promise<void> }')}`,
      },
      /test\/Good\.\[hidden\] is not a method/,
    ],
    [
      'WVG045',
      'an error class by the name of one of the language',
      { 'a.ts': `${IMPORTS}export class TypeError extends Error {}\n${good}` },
      /TypeError has the name of an error of the language/,
    ],
    ['WVG036', 'a type that grows', inMethod('Box<string>', 'export interface Box<T> { inner?: Box<T[]>; value: T }'), /grows without end/],
    [
      'WVG043',
      'a component beside run()',
      {
        'a.ts': `${IMPORTS}import { weaver } from './weaver.gen.js'\n${good}class App implements Main { main() {} }\nawait run(App, weaver)`,
      },
      /goodImpl is declared in the file that calls run/,
    ],
    [
      'WVG044',
      'a name with spaces',
      { 'a.ts': IMPORTS + good.replace('test/Good', 'test good') },
      /"test good" is not a valid component name/,
    ],
    [
      'WVG044',
      'a listener with a dot',
      { 'a.ts': IMPORTS + good.replace('async m() {}', `readonly x = listener('a.b'); async m() {}`) },
      /"a\.b" is not a listener name/,
    ],
    [
      'WVG045',
      'two error classes of one name',
      {
        'a.ts': `${IMPORTS}import './b.js'\nexport class NotFound extends Error {}\n${good}`,
        'b.ts': 'class Base extends Error {}\nexport class NotFound extends Base {}',
      },
      /NotFound is already exported by src\/a\.ts/,
    ],
    ...(
      [
        ['a Date', 'z.object({ from: z.date() })', /configuration "from" is a Date/],
        ['a bigint far inside', 'z.object({ a: z.object({ b: z.bigint().optional() }) })', /configuration "a\.b" is a bigint/],
        ['a Map among others', 'z.record(z.string(), z.map(z.string(), z.number()))', /configuration "\*" is a Map/],
      ] as const
    ).map(
      ([title, schema, message]) =>
        [
          'WVG049',
          `a configuration with ${title}`,
          { 'a.ts': `import { z } from 'zod'\n${IMPORTS}${good.replace('async m() {}', `readonly c = config(${schema}); async m() {}`)}` },
          message,
        ] as const,
    ),
    ['WVG041', 'an empty package', { 'a.ts': 'export {}' }, /nothing to generate/],
    [
      'WVG042',
      'two mains',
      {
        'a.ts': `${IMPORTS}import { weaver } from './weaver.gen.js'\nclass App implements Main { main() {} }\nawait run(App, weaver)\nawait run(App, weaver)`,
      },
      /second time/,
    ],
  ]

  it.each(cases)('%s %s', async (code, _, files, message) => {
    const made = fixture(files)
    const { status, diagnostics } = await generate({ projectDir: made.folder, parsed })
    expect(status).toBe('failed')
    const found = diagnostics.find((diagnostic) => diagnostic.code === code)
    expect(found === undefined ? diagnostics.map(formatDiagnostic) : found.message).toEqual(expect.stringMatching(message))
    if (code !== 'WVG041')
      expect(found).toMatchObject({ file: expect.stringMatching(/^src\//), line: expect.any(Number), column: expect.any(Number) })
  })

  it('WVG040 a folder without tsconfig.json', async () => {
    expect((await generate({ projectDir: '/nowhere' })).diagnostics[0]).toMatchObject({ code: 'WVG040' })
  })

  it('a breach deep in a type is shown where the type is written', async () => {
    const made = fixture({
      'order.ts': `import type { Meta } from './meta.js'\nexport interface Order { meta: Meta }\n`,
      'meta.ts': `export interface Meta {\n  note: string\n  callback: () => void\n}\n`,
      'cart.ts': `${IMPORTS}import type { Order } from './order.js'\nexport interface Cart { add(item: Order): Promise<void> }\nexport const Cart = component<Cart>('shop/Cart')\nclass CartImpl implements Cart { async add() {} }\nexport const cartImpl = implement(Cart, CartImpl)\n`,
    })
    const { diagnostics } = await generate({ projectDir: made.folder, parsed })
    expect(diagnostics).toEqual([
      {
        code: 'WVG030',
        message: 'Cart.add(item).meta.callback is a function',
        hint: CATALOGUE.WVG030.hint,
        file: 'src/meta.ts',
        line: 3,
        column: 3,
      },
    ])
  })

  it('what one type has is told once, and no more than a few times', async () => {
    const fields = Array.from({ length: 60 }, (_, i) => `f${i}: () => void`).join('; ')
    const made = fixture({
      'a.ts': `${IMPORTS}class Money { cents = 1 }
export interface Huge { ${fields} }
export interface Bad { pay(amount: Money, at: URL): Promise<Money>; take(huge: Huge): Promise<Huge>; fail(): Promise<Error> }
export const Bad = component<Bad>('test/Bad')
export const badImpl = implement(Bad, class {} as any)
`,
    })
    const { diagnostics } = await generate({ projectDir: made.folder, parsed })
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`).sort()).toEqual([
      'WVG008 the class of component "test/Bad" cannot be found',
      'WVG030 Bad.fail() is an Error',
      'WVG030 Bad.pay(at) is a URL',
      ...['0', '1', '2', '3'].map((i) => `WVG030 Bad.take(huge).f${i} is a function`),
      'WVG030 Bad.take(huge).f4 is a function; 55 more problems like these in Bad.take(huge)',
      'WVG032 Bad.pay(amount) is an instance of class Money, which has no codec',
    ])
  })

  it('every code has a case here', () => {
    const shown = new Set<string>([...cases.map(([code]) => code), 'WVG040', 'WVG046', 'WVG047', 'WVG050', 'WVG051', 'WVG052', 'WVG055']) // two in packages.test.ts, three in output.test.ts, one in widths.test.ts
    expect(Object.keys(CATALOGUE).filter((code) => !shown.has(code))).toEqual([])
  })
})
