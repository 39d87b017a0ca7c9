import type ts from 'typescript-api'

/** A call of `component<T>(name, options)`. */
export interface InterfaceSource {
  readonly name: string
  readonly type: ts.Type
  readonly typeNode: ts.TypeNode
  readonly options: ts.ObjectLiteralExpression | undefined
}
