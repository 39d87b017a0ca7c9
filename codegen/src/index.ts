// The door `@weaver/codegen`.
export { CATALOGUE, formatDiagnostic, type Diagnostic, type DiagnosticCode } from './diagnostics.js'
export { generate, type GenerateOptions } from './generate.js'
export type { GenerateResult } from './generate-result.js'
export { GENERATOR_VERSION } from './generator-version.js'
export { ParsedFiles } from './open-program.js'
export { watchPackage, type Watching } from './watch.js'
