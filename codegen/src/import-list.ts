import { relative, sep } from 'node:path'
import { importLine } from './layout.js'
import type { Exported } from './model.js'

/** Imports of the user's modules. Two exports of one name get an alias. */
export class ImportList {
  readonly #outFile: string
  readonly #byModule = new Map<string, Map<string, string>>()
  readonly #taken = new Set<string>()

  constructor(outFile: string) {
    this.#outFile = outFile
  }

  get names(): Iterable<string> {
    return this.#taken
  }

  /** @returns the name by which the generated file knows it. */
  add(exported: Exported): string {
    return this.addFrom(this.#specifier(exported.file), exported.name)
  }

  /** @param wish the name to know it by; @default the exported one */
  addFrom(module: string, exportedName: string, wish: string = exportedName): string {
    const names = this.#byModule.get(module) ?? new Map<string, string>()
    this.#byModule.set(module, names)
    const known = names.get(exportedName)
    if (known !== undefined) return known
    let local = wish
    for (let n = 2; this.#taken.has(local); n++) local = `${wish}${n}`
    this.#taken.add(local)
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
    const path = relative(`${this.#outFile}/..`, file)
      .split(sep)
      .join('/')
      .replace(/\.([cm]?)tsx?$/, '.$1js')
    return path.startsWith('.') ? path : `./${path}`
  }
}
