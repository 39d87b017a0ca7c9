/**
 * Which components an edit concerns: those whose code reaches what has changed, by name. Pure.
 *
 * Every process of an application loads every module, since the generated file imports all
 * components; yet it runs only the components that it hosts. So a module does not matter as a whole,
 * but each of its top-level declarations does to those that reach it from an implementation:
 *
 *     reverser.ts: interface and token ◄── stubs of callers        class ◄── processes that host it
 *
 * What is not attributed to one component concerns all: a statement that declares nothing, what the
 * entry names, what the generated file names beside components. An initialiser, as in
 * `const pool = open()`, counts as a declaration: it concerns those that reach its name.
 */
import type { ComponentGraph } from '@weaver/sdk/contract'
import type { ModuleParts, Part } from './module-parts.js'

export type Modules = ReadonlyMap<string, ModuleParts>

export interface Application {
  readonly modules: Modules
  /** The module that starts the application; `undefined`: it is not known. */
  readonly entry: string | undefined
  /** The generated file. */
  readonly generated: string
  /** The token of each component, as `graph.components[].token` with an absolute path. */
  readonly tokens: ReadonlyMap<string, { readonly module: string; readonly name: string }>
}

export type Concern =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'components'; readonly names: readonly string[] }
  /** What every process runs. */
  | { readonly kind: 'everything' }
  /** The generated file: processes of before and after do not understand each other. */
  | { readonly kind: 'contract' }

export function concernOf(before: Application, after: Application, main: string): Concern {
  if (before.generated !== after.generated || isChanged(before, after, after.generated)) return { kind: 'contract' }
  const changed = changedNames(before, after)
  if (changed.effects) return { kind: 'everything' }
  if (changed.names.size === 0) return { kind: 'nothing' }
  const sides = [before, after].map((side) => reachedFrom(side, main))
  const isHit = (reached: ReadonlySet<string> | undefined): boolean =>
    reached !== undefined && [...changed.names].some((name) => reached.has(name))
  if (sides.some((side) => side === undefined || isHit(side.common))) return { kind: 'everything' }
  const components = new Set(sides.flatMap((side) => [...(side?.byComponent.keys() ?? [])]))
  const names = [...components].filter((name) => sides.some((side) => isHit(side?.byComponent.get(name)))).sort()
  return names.length === 0 ? { kind: 'nothing' } : { kind: 'components', names }
}

/** The tokens that a graph names. @param absolute makes a path of one that is relative to the package */
export function tokensOf(graph: ComponentGraph, absolute: (source: string) => string): Application['tokens'] {
  const own = graph.components.filter((component) => component.package === undefined)
  return new Map(
    own.flatMap(({ name, token }) => (token === undefined ? [] : [[name, { module: absolute(token.source), name: token.name }]])),
  )
}

const exportNode = (module: string, name: string): string => `${module} export ${name}`
const localNode = (module: string, name: string): string => `${module} local ${name}`

function isChanged(before: Application, after: Application, module: string): boolean {
  const [old, now] = [before.modules.get(module), after.modules.get(module)]
  return old !== now && textOf(old) !== textOf(now)
}

function textOf(parts: ModuleParts | undefined): string {
  if (parts === undefined) return ''
  const { names, effects, imports, exports, stars } = parts
  return JSON.stringify([
    [...names].map(([name, { text }]) => [name, text]),
    effects.map(({ text }) => text),
    [...imports],
    [...exports],
    stars,
  ])
}

/** A part with what the names in it stand for. */
function meaningOf({ text, uses, loads }: Part, { imports }: ModuleParts): string {
  const bound = [...uses].flatMap((name) => {
    const binding = imports.get(name)
    return binding === undefined ? [] : [`${name}=${binding.module}#${binding.name}`]
  })
  return [text, ...bound.sort(), ...loads].join('\n')
}

function changedNames(before: Application, after: Application): { readonly names: ReadonlySet<string>; readonly effects: boolean } {
  const names = new Set<string>()
  let effects = false
  const loaded = new Set([...loadedFrom(before), ...loadedFrom(after)])
  for (const module of loaded) {
    const [old, now] = [before.modules.get(module), after.modules.get(module)]
    if (old === now) continue
    const effectsOf = (of: ModuleParts | undefined): string =>
      (of?.effects ?? []).map((part) => meaningOf(part, of as ModuleParts)).join('\n') // it has effects
    effects ||= effectsOf(old) !== effectsOf(now) || (old?.stars ?? []).join() !== (now?.stars ?? []).join()
    const locals = (of: ModuleParts | undefined, name: string): string | undefined => {
      const part = of?.names.get(name)
      return part === undefined ? undefined : meaningOf(part, of as ModuleParts) // it has the name
    }
    for (const name of keysOf(old?.names, now?.names)) if (locals(old, name) !== locals(now, name)) names.add(localNode(module, name))
    for (const name of keysOf(old?.exports, now?.exports))
      if (JSON.stringify(old?.exports.get(name)) !== JSON.stringify(now?.exports.get(name))) names.add(exportNode(module, name))
  }
  return { names, effects }
}

function keysOf(...maps: readonly (ReadonlyMap<string, unknown> | undefined)[]): ReadonlySet<string> {
  return new Set(maps.flatMap((map) => [...(map?.keys() ?? [])]))
}

/** Modules that a process evaluates. */
function loadedFrom({ modules, entry }: Application): ReadonlySet<string> {
  if (entry === undefined) return new Set(modules.keys())
  const loaded = new Set<string>([entry])
  for (const module of loaded) {
    const parts = modules.get(module)
    if (parts === undefined) continue
    const later = [...parts.names.values(), ...parts.effects].flatMap(({ loads }) => loads)
    for (const next of [...parts.loads, ...later]) if (modules.has(next)) loaded.add(next)
  }
  return loaded
}

interface Reached {
  /** By every process. */
  readonly common: ReadonlySet<string>
  readonly byComponent: ReadonlyMap<string, ReadonlySet<string>>
}

/** @returns `undefined`: it cannot be told apart */
function reachedFrom(application: Application, main: string): Reached | undefined {
  const { modules, entry, generated, tokens } = application
  const gen = modules.get(generated)
  const start = entry === undefined ? undefined : modules.get(entry)
  if (gen === undefined || entry === undefined || start?.main === undefined) return undefined
  const roots = new Map<string, Root[]>([[main, [{ module: entry, uses: [start.main] }]]])
  const ofComponents = new Set<string>()
  for (const bound of gen.bound) {
    const token = gen.imports.get(bound.token)
    const name = [...tokens].find(([, at]) => at.module === token?.module && at.name === token.name)?.[0]
    if (name === undefined) return undefined
    roots.set(name, [{ module: generated, uses: [bound.token, bound.implementation] }])
    ofComponents.add(bound.token).add(bound.implementation)
  }
  const common: Root[] = [{ module: generated, uses: [...gen.imports.keys()].filter((name) => !ofComponents.has(name)) }]
  for (const module of loadedFrom(application)) {
    if (module === generated) continue
    const uses = modules.get(module)?.effects.flatMap((part) => [...part.uses]) ?? []
    common.push({ module, uses: module === entry ? uses.filter((name) => name !== start.main) : uses })
  }
  const walk = (from: readonly Root[]): ReadonlySet<string> => new Walk(modules, generated).from(from)
  return { common: walk(common), byComponent: new Map([...roots].map(([name, of]) => [name, walk(of)])) }
}

interface Root {
  readonly module: string
  readonly uses: readonly string[]
}

class Walk {
  readonly #modules: Modules
  readonly #generated: string
  readonly #seen = new Set<string>()
  readonly #open: (() => void)[] = []

  constructor(modules: Modules, generated: string) {
    this.#modules = modules
    this.#generated = generated
  }

  from(roots: readonly Root[]): ReadonlySet<string> {
    for (const { module, uses } of roots) this.#use(module, uses)
    for (let next = this.#open.pop(); next !== undefined; next = this.#open.pop()) next()
    return this.#seen
  }

  #use(module: string, names: Iterable<string>): void {
    const parts = this.#modules.get(module)
    if (parts === undefined) return
    for (const name of names) {
      if (parts.names.has(name)) this.#local(module, name)
      const binding = parts.imports.get(name)
      if (binding !== undefined) this.#exported(binding.module, binding.name)
    }
  }

  #exported(module: string, name: string): void {
    const parts = this.#modules.get(module)
    const node = exportNode(module, name)
    // The generated file refers to everything; what a component reaches by it is only its stubs.
    if (parts === undefined || module === this.#generated || this.#seen.has(node)) return
    this.#seen.add(node)
    this.#open.push(() => {
      if (name === '*') {
        for (const each of parts.exports.keys()) this.#exported(module, each)
        for (const star of parts.stars) this.#exported(star, '*')
        return
      }
      const target = parts.exports.get(name)
      if (typeof target === 'string') this.#use(module, [target])
      else if (target !== undefined) this.#exported(target.module, target.name)
      else for (const star of parts.stars) this.#exported(star, name)
    })
  }

  #local(module: string, name: string): void {
    const node = localNode(module, name)
    if (this.#seen.has(node)) return
    this.#seen.add(node)
    this.#open.push(() => {
      const part = this.#modules.get(module)?.names.get(name)
      if (part === undefined) return
      this.#use(module, part.uses)
      for (const loaded of part.loads) this.#exported(loaded, '*')
    })
  }
}
