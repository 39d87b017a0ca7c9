import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MODULES = fileURLToPath(new URL('../../../node_modules/', import.meta.url))
const TSCONFIG = {
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2023'],
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    rootDir: 'src',
    outDir: 'dist',
  },
  include: ['src'],
}

/** Name of the n-th component's module below `src`. */
export const moduleOf = (n: number): string => `component-${String(n).padStart(3, '0')}`

/**
 * Writes a package of many components with four methods each: objects, unions, maps, optional
 * fields; a ref to two others; each fifth one with a configuration by zod. Its dependencies are
 * those of this repository.
 */
export function writeManyComponents(folder: string, components: number): void {
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  write('package.json', JSON.stringify({ name: 'many-components', version: '1.0.0', type: 'module' }))
  write('tsconfig.json', JSON.stringify(TSCONFIG))
  for (const name of ['@weaver/sdk', 'zod', '@types/node', 'undici-types']) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
    symlinkSync(join(MODULES, name), join(folder, 'node_modules', name))
  }
  write('src/money.ts', `export interface Money {\n  readonly currency: 'EUR' | 'USD' | 'CHF'\n  readonly units: bigint\n}\n`)
  for (let n = 0; n < components; n++) write(`src/${moduleOf(n)}.ts`, componentSource(n))
  const last = components - 1
  write(
    'src/app.ts',
    `import { listener, ref, type Main } from '@weaver/sdk'\nimport { createServer } from 'node:http'\nimport { C${last} } from './${moduleOf(last)}.js'\n\nexport class App implements Main {\n  readonly last = ref(C${last})\n  readonly http = listener('lis')\n  async main() {\n    await this.http.serve(createServer((_, answer) => void answer.end('ok')))\n  }\n}\n`,
  )
  write(
    'src/main.ts',
    `import { run } from '@weaver/sdk'\nimport { App } from './app.js'\nimport { weaver } from './weaver.gen.js'\n\nawait run(App, weaver)\n`,
  )
}

function componentSource(n: number): string {
  const refs = [n - 1, n - 7].filter((other) => other >= 0)
  const hasConfig = n % 5 === 0
  return `import { component, ${hasConfig ? 'config, ' : ''}implement${refs.length > 0 ? ', ref' : ''} } from '@weaver/sdk'
${hasConfig ? `import { z } from 'zod'\n` : ''}${refs.map((other) => `import { C${other} } from './${moduleOf(other)}.js'\n`).join('')}import type { Money } from './money.js'

export interface Item${n} {
  readonly id: string
  readonly price: Money
  readonly tags: readonly string[]
  readonly note?: string
  readonly state: { readonly kind: 'open' } | { readonly kind: 'sold'; readonly at: Date; readonly to: string }
}

export interface C${n} {
  find(id: string): Promise<Item${n} | undefined>
  add(item: Item${n}, options?: { readonly isUrgent: boolean; readonly weight${n}: number }): Promise<string>
  prices(ids: readonly string[]): Promise<Map<string, Money>>
  remove(id: string, reason: 'sold' | 'lost' | 'broken'): Promise<boolean>
}
export const C${n} = component<C${n}>('many/C${n}', { notRetriable: ['add'] })

class C${n}Impl implements C${n} {
${refs.map((other, i) => `  readonly other${i} = ref(C${other})\n`).join('')}${
    hasConfig
      ? `  readonly options = config(z.strictObject({ size: z.number().int().min(1).default(10), mode: z.enum(['a', 'b']), label: z.string().optional() }))\n`
      : ''
  }  readonly #items = new Map<string, Item${n}>()

  async find(id: string) {
    return this.#items.get(id)
  }

  async add(item: Item${n}) {
    this.#items.set(item.id, item)
    return item.id
  }

  async prices(ids: readonly string[]) {
    return new Map(ids.flatMap((id) => { const found = this.#items.get(id); return found === undefined ? [] : [[id, found.price] as const] }))
  }

  async remove(id: string) {
    return this.#items.delete(id)
  }
}
export const c${n}Impl = implement(C${n}, C${n}Impl)
`
}
