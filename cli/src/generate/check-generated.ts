import { existsSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { GRAPH_FILE } from '@weaver/sdk/contract'
import { buildCommandFor } from '../packages/build-command.js'
import { cliError } from '../errors/catalogue.js'
import { declaresNothing } from './generate-packages.js'
import { loadCodegen } from './load-codegen.js'
import { rememberedProject } from './remembered-project.js'

/** The state of a package's generated files, according to its sources. */
export type GeneratedState =
  | { readonly kind: 'fresh' }
  /** Nothing to compare: a package that is only a build, or a program without components. */
  | { readonly kind: 'no sources' }
  | { readonly kind: 'stale' | 'refused'; readonly message: string }

/**
 * Determines the state. It writes nothing, and loads the compiler only if a source has changed
 * since the last run.
 */
export async function generatedState(folder: string, cwd: string): Promise<GeneratedState> {
  const project = rememberedProject(folder)
  if (![GRAPH_FILE, project.tsconfig ?? 'tsconfig.json'].every((file) => existsSync(join(folder, file)))) return { kind: 'no sources' }
  const { formatDiagnostic, generate } = await loadCodegen()
  const result = await generate({ projectDir: folder, check: true, ...project })
  if (declaresNothing(result)) return { kind: 'no sources' }
  const dir = relative(cwd, folder) || '.'
  if (result.status === 'failed')
    return {
      kind: 'refused',
      message: `the sources of "${dir}" cannot be generated from:\n${result.diagnostics.map(formatDiagnostic).join('\n')}`,
    }
  if (result.status !== 'stale') return { kind: 'fresh' }
  const files = result.files.map((file) => basename(file)).join(' and ')
  return { kind: 'stale', message: `${files} of "${dir}" do not fit the sources; run \`${generateCommandFor(folder, cwd)}\`` }
}

/**
 * For deployers, before they start or build anything.
 * @throws WeaverError `WEAVER_CLI_GENERATED_STALE`, `WEAVER_CLI_GENERATE_FAILED`
 */
export async function checkGenerated(folder: string, cwd: string): Promise<void> {
  const state = await generatedState(folder, cwd)
  if (state.kind === 'refused') throw cliError('WEAVER_CLI_GENERATE_FAILED', state.message)
  if (state.kind === 'stale')
    throw cliError('WEAVER_CLI_GENERATED_STALE', `${state.message} and build again (\`${buildCommandFor(folder)}\`)`)
}

/** `weaver generate shop`, as typed in `cwd`. */
export function generateCommandFor(folder: string, cwd: string): string {
  const dir = relative(cwd, folder)
  return dir === '' ? 'weaver generate' : `weaver generate ${dir}`
}
