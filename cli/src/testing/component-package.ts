/**
 * For tests of commands that read sources: a package with one component, over the SDK of this
 * repository.
 */
import { fileURLToPath } from 'node:url'

export const TSCONFIG = JSON.stringify({
  compilerOptions: {
    target: 'ES2022',
    module: 'NodeNext',
    customConditions: ['@weaver/source'],
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ['node'],
    skipLibCheck: true,
  },
  include: ['src'],
})

/** Links for `makeTree`, at the root of a package or workspace. */
export const INSTALLED = {
  'node_modules/@weaver/sdk': { link: fileURLToPath(new URL('../../../sdk', import.meta.url)) },
  'node_modules/@types/node': { link: fileURLToPath(new URL('../../../node_modules/@types/node', import.meta.url)) },
} as const

/** The source of `acme/<name>`. @param more.field a field of the class */
export const component = (name: string, method: string, more = { imports: '', field: '' }): string =>
  `import { component, implement, ref } from '@weaver/sdk'\n${more.imports}export interface ${name} { ${method}(): Promise<void> }\nexport const ${name} = component<${name}>('acme/${name}')\nclass ${name}Impl implements ${name} { ${more.field} async ${method}() {} }\nexport const impl = implement(${name}, ${name}Impl)\nvoid ref\n`
