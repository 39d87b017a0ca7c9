import { concernOf, type Application } from './concern.js'
import { readParts } from './module-parts.js'

const GENERATED = '/weaver.gen.js'
const SOURCES: Readonly<Record<string, string>> = {
  '/main.js': `import { run } from '@weaver/sdk'\nimport { App } from './app.js'\nimport { weaver } from './weaver.gen.js'\nawait run(App, weaver)`,
  '/app.js': `import { ref } from '@weaver/sdk'\nimport { Links, NoSuchLink } from './links.js'\nexport class App { links = ref(Links); main() { throw new NoSuchLink() } }`,
  '/links.js': `import { component, implement } from '@weaver/sdk'\nimport { shorten } from './text.js'\nexport class NoSuchLink extends Error {}\nexport const Links = component('shop/Links')\nclass LinksImpl { make() { return shorten(Kind.long) } }\nexport var Kind; (function (Kind) { Kind.long = 1 })(Kind || (Kind = {}))\nexport const linksImpl = implement(Links, LinksImpl)`,
  '/carts.js': `import { component, implement } from '@weaver/sdk'\nimport * as text from './text.js'\nexport const Carts = component('shop/Carts')\nclass CartsImpl { show() { return text.pad() } }\nexport const cartsImpl = implement(Carts, CartsImpl)`,
  '/text.js': `export * from './pad.js'\nexport { cut as shorten } from './cut.js'`,
  '/pad.js': `export function pad() { return ' ' }`,
  '/cut.js': `export function cut() { return '' }\nexport const unused = 1`,
  '/script.js': `console.log('nobody imports this')`,
  [GENERATED]: `import { bind } from '@weaver/sdk/internal'\nimport { Carts, cartsImpl } from './carts.js'\nimport { Links, linksImpl, NoSuchLink } from './links.js'\nexport const weaver = { components: () => [bind({ token: Carts, implementation: cartsImpl }), bind({ token: Links, implementation: linksImpl })] }`,
}

function application(sources: Readonly<Record<string, string>>): Application {
  const resolve = (specifier: string): string => specifier.replace(/^\.\//, '/')
  return {
    modules: new Map(Object.entries(sources).map(([module, text]) => [module, readParts(text, resolve)])),
    entry: '/main.js',
    generated: GENERATED,
    tokens: new Map([['shop/Links', { module: '/links.js', name: 'Links' }], ['shop/Carts', { module: '/carts.js', name: 'Carts' }]]), // prettier-ignore
  }
}

const components = (...names: readonly string[]) => ({ kind: 'components', names }) as const
const nothing = { kind: 'nothing' } as const
const everything = { kind: 'everything' } as const

it.each([
  ['a comment and layout', '/links.js', 'class LinksImpl {', '// x\nclass LinksImpl\n{', nothing],
  ['the class of a component', '/links.js', 'make()', 'make(x = 1)', components('shop/Links')],
  ['an enum that it uses', '/links.js', 'Kind.long = 1', 'Kind.long = 2', components('shop/Links')],
  ['the class of main', '/app.js', 'main()', 'main(x = 1)', components('weaver/Main')],
  ['a token, which its callers use', '/links.js', "'shop/Links'", "'shop/Links', {}", components('shop/Links', 'weaver/Main')],
  ['what is named by way of an alias', '/cut.js', "return ''", "return 'x'", components('shop/Carts', 'shop/Links')],
  ['what is named by way of export *', '/pad.js', "return ' '", "return '  '", components('shop/Carts')],
  ['an import that means something else', '/links.js', "'./text.js'", "'./pad.js'", components('shop/Links')],
  ['a declaration that nobody names', '/links.js', 'class LinksImpl', 'const nobody = 1\nclass LinksImpl', nothing],
  ['a module that is not loaded', '/script.js', 'nobody', 'no one', nothing],
  ['what the generated file names', '/links.js', 'extends Error {}', 'extends Error { x = 1 }', everything],
  ['a statement that declares nothing', '/pad.js', 'export function', 'globalThis.x = 1\nexport function', everything],
  ['the entry', '/main.js', 'await run', 'console.log(1)\nawait run', everything],
  ['the generated file', GENERATED, 'const weaver = {', 'const weaver = { format: 2,', { kind: 'contract' }],
] as const)('an edit of %s', (_, module, from, to, concern) => {
  const text = SOURCES[module] ?? ''
  expect(text).toContain(from)
  const [before, after] = [application(SOURCES), application({ ...SOURCES, [module]: text.replace(from, to) })]
  expect(concernOf(before, after, 'weaver/Main')).toEqual(concern)
  expect(concernOf(after, before, 'weaver/Main')).toEqual(concern)
})

it('concerns everything where what starts the application, or a component, cannot be recognised', () => {
  const edited = { ...SOURCES, '/links.js': (SOURCES['/links.js'] ?? '').replace('make()', 'make(x = 1)') }
  for (const change of [{ entry: undefined }, { tokens: new Map() }])
    expect(concernOf({ ...application(SOURCES), ...change }, { ...application(edited), ...change }, 'weaver/Main')).toEqual(everything)
})
