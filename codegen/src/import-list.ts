import { relative, sep } from 'node:path'
import { importLine } from './layout.js'
import type { Exported } from './model.js'
import type { NameScope } from './name-scope.js'

export interface ImportListOptions {
  /** The importing file. */
  readonly outFile: string
  readonly scope: NameScope
  /**
   * Sources are imported by their own names, `./cart.ts`, which a runtime that strips types needs,
   * and not by the names of their output.
   */
  readonly hasTsExtensions: boolean
}

/** Imports of the user's modules. An export whose name is taken is imported under an alias. */
export class ImportList {
  readonly #options: ImportListOptions
  readonly #byModule = new Map<string, Map<string, string>>()

  constructor(options: ImportListOptions) {
    this.#options = options
  }

  /** @returns its name in the generated file */
  add(exported: Exported): string {
    return this.addFrom(this.#specifier(exported.file), exported.name)
  }

  /** @param wish the preferred name; @default the exported one */
  addFrom(module: string, exportedName: string, wish: string = exportedName): string {
    const names = this.#byModule.get(module) ?? new Map<string, string>()
    this.#byModule.set(module, names)
    const known = names.get(exportedName)
    if (known !== undefined) return known
    const local = this.#options.scope.take(wish)
    names.set(exportedName, local)
    return local
  }

  lines(): string[] {
    const sorted = <T>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] =>
      [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
    return sorted(this.#byModule).flatMap(([module, names]) =>
      importLine(
        sorted(names).map(([name, local]) => (name === local ? name : `${name} as ${local}`)),
        module,
      ),
    )
  }

  #specifier(file: string): string {
    const { outFile, hasTsExtensions } = this.#options
    const source = relative(`${outFile}/..`, file).split(sep).join('/')
    const path = hasTsExtensions ? source : source.replace(/\.([cm]?)tsx?$/, '.$1js')
    return path.startsWith('.') ? path : `./${path}`
  }
}
