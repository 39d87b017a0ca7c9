/** The generator; the compiler itself is loaded when a source has changed. For commands that need it, and for them only. */
export async function loadCodegen(): Promise<typeof import('@weaver/codegen')> {
  return import('@weaver/codegen')
}
