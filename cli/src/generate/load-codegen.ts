/**
 * Loads the generator, which loads the compiler only if a source has changed. Only for commands
 * that need it.
 */
export async function loadCodegen(): Promise<typeof import('@weaver/codegen')> {
  return import('@weaver/codegen')
}
