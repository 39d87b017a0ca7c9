import { signatureOf, type Shape } from './shape.js'

/** What the generator found in a package: everything the generated file and the graph are made of. */
export interface Application {
  /** Sorted by name; without main. */
  readonly components: readonly ComponentModel[]
  /** The class given to `run`; absent in a package that only declares components. */
  readonly main: MainModel | undefined
}
export interface Exported {
  /** Absolute path of the module. */
  readonly file: string
  readonly name: string
}
export interface ClassFacts {
  /** Names of components, sorted. */
  readonly refs: readonly string[]
  readonly listeners: readonly string[]
  /** JSON Schema of what `config()` takes. */
  readonly config: Readonly<Record<string, unknown>> | undefined
  /** Relative to the package. */
  readonly source: string
}
export interface MainModel extends ClassFacts {}
export interface ComponentModel extends ClassFacts {
  readonly name: string
  readonly token: Exported
  readonly implementation: Exported
  readonly methods: readonly MethodModel[]
}
export interface MethodModel {
  readonly name: string
  readonly parameters: readonly { readonly name: string; readonly shape: Shape }[]
  readonly result: Shape
  readonly isNotRetriable: boolean
  readonly isRouted: boolean
}

/** `(string, number) => string`: what both ends of the call must agree on. */
export function methodSignature(method: MethodModel): string {
  return `(${method.parameters.map((parameter) => `${parameter.name}: ${signatureOf(parameter.shape)}`).join(', ')}) => ${signatureOf(method.result)}`
}
