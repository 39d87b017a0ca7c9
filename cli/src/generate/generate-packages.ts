import type { GenerateResult, ParsedFiles } from '@weaver/codegen'
import { loadCodegen } from './load-codegen.js'
import { rememberedProject } from './remembered-project.js'
import type { WorkspacePackage } from './workspace-packages.js'

/** The outcome for one package of a workspace. */
export type PackageResult =
  | (WorkspacePackage & { readonly result: GenerateResult })
  /** Skipped: a dependency failed. */
  | (WorkspacePackage & { readonly blockedBy: string })

/**
 * The package has neither components nor run(): it may use the SDK for other things, and not every
 * program has them.
 */
export function declaresNothing({ status, diagnostics }: GenerateResult): boolean {
  return status === 'failed' && diagnostics.every(({ code }) => code === 'WVG041')
}

/**
 * Generates for the packages, in their order. A package with a failed dependency is skipped, since
 * its messages would only repeat that. Results omit packages without components.
 */
export async function generatePackages(
  packages: readonly WorkspacePackage[],
  options: { readonly check: boolean; readonly parsed: ParsedFiles; readonly onResult: (result: PackageResult) => Promise<void> },
): Promise<readonly PackageResult[]> {
  const { generate } = await loadCodegen()
  const results: PackageResult[] = []
  const failed = new Set<string>()
  for (const one of packages) {
    const blockedBy = one.dependencies.find((name) => failed.has(name))
    let made: PackageResult
    if (blockedBy !== undefined) made = { ...one, blockedBy }
    else {
      const result = await generate({
        projectDir: one.folder,
        check: options.check,
        parsed: options.parsed,
        ...rememberedProject(one.folder),
      })
      if (declaresNothing(result)) continue
      made = { ...one, result }
    }
    if ('blockedBy' in made || made.result.status === 'failed') failed.add(one.name)
    results.push(made)
    await options.onResult(made)
  }
  return results
}
