/**
 * What views use of preact, htm and preact-render-to-string, for the project of all tests
 * (tsconfig.test.json): the types of preact bring those of the DOM, which contradict Node's. The
 * projects of this package have the real ones.
 */
export interface VNode {
  readonly type: unknown
}
export type ComponentChildren = unknown
export function html(parts: TemplateStringsArray, ...values: readonly unknown[]): VNode | readonly VNode[]
export function renderToString(view: VNode): string
