// The door `@weaver/codegen`.
export { CATALOGUE, formatDiagnostic, type Diagnostic, type DiagnosticCode } from './diagnostics.js'
export { generate, GENERATOR_VERSION, type GenerateOptions, type GenerateResult } from './generate.js'
export { watchPackage, type Watching } from './watch.js'
