import type { Shape } from './shape.js'

/** What a rule may use of the file that it writes into. */
export interface CodecParts {
  readonly imports: Set<string>
  importOf(exported: { readonly file: string; readonly name: string }): string
  write(shape: Shape, value: string): string
  read(shape: Shape): string
  type(shape: Shape): string
}
