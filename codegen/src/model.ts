import type { Balance, ComponentNode } from '@weaver/sdk/contract'
import { hasInstances, signatureOf, type Shape } from './shape.js'

/** What the generator found in a package: all that the generated file and the graph are made of. */
export interface Application {
  /** Sorted by name, without main. */
  readonly components: readonly ComponentModel[]
  /** The class passed to `run`; absent in a package that only declares components. */
  readonly main: MainModel | undefined
  /** Error classes that callers receive as themselves, sorted by name. */
  readonly errors: readonly Exported[]
  /** Other packages whose components this one refers to, sorted by name. */
  readonly packages: readonly PackageModel[]
}
/** A package whose components this one refers to, as described by its own generated graph. */
export interface PackageModel {
  readonly name: string
  /** The fingerprint in its graph. */
  readonly fingerprint: string
  /** Its components and those of the packages below it, each with its declaring package. */
  readonly nodes: readonly (ComponentNode & { readonly package: string })[]
  /** The files that were read: its graph and its manifest. */
  readonly files: readonly string[]
}

export interface Exported {
  /** Absolute path of the module. */
  readonly file: string
  readonly name: string
}
export interface ClassFacts {
  /** Names of components, sorted. */
  readonly refs: readonly string[]
  /** The refs that are resolved at their first call. */
  readonly lazyRefs: readonly string[]
  /** The refs that may have no implementation. */
  readonly optionalRefs: readonly string[]
  readonly listeners: readonly string[]
  /** JSON Schema of what `config()` accepts. */
  readonly config: Readonly<Record<string, unknown>> | undefined
  /** Relative to the package. */
  readonly source: string
}
export interface MainModel extends ClassFacts {}
export interface ComponentModel extends ClassFacts {
  readonly name: string
  readonly token: Exported
  /** Whether the interface is exported beside the token, under the token's name. */
  readonly isInterfaceNamed: boolean
  readonly implementation: Exported
  readonly methods: readonly MethodModel[]
  /** One of its replicas leads. */
  readonly leader?: 'version' | 'app'
  /** How its keys are distributed over replicas. */
  readonly balance?: Balance
}
export interface MethodModel {
  readonly name: string
  readonly parameters: readonly ParameterModel[]
  /** Shape of one item if the method returns a stream. */
  readonly result: Shape
  readonly isStream: boolean
  readonly isNotRetriable: boolean
  readonly isRouted: boolean
}
export interface ParameterModel {
  readonly name: string
  /**
   * Shape of one item if the argument is a stream; of the whole array if it is a rest parameter.
   */
  readonly shape: Shape
  readonly kind: 'value' | 'rest' | 'stream'
  /** Whether it may be omitted; its shape then includes `undefined`. */
  readonly isOptional: boolean
}

/** Whether class instances are among the arguments or the results. */
export function sendsInstances({ parameters, result }: MethodModel): boolean {
  return [result, ...parameters.map(({ shape }) => shape)].some((shape) => hasInstances(shape))
}

/** `(text: string) => number`: what both ends of the call must agree on. */
export function methodSignature(method: MethodModel): string {
  const parameters = method.parameters.map(({ name, shape, kind }) => {
    const type = signatureOf(shape)
    return kind === 'rest' ? `...${name}: ${type}` : kind === 'stream' ? `${name}: AsyncIterable<${type}>` : `${name}: ${type}`
  })
  const result = signatureOf(method.result)
  return `(${parameters.join(', ')}) => ${method.isStream ? `AsyncIterable<${result}>` : result}`
}
