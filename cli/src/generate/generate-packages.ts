import type { GenerateResult, ParsedFiles } from '@weaver/codegen'
import { loadCodegen } from './load-codegen.js'
import { rememberedProject } from './remembered-project.js'
import type { WorkspacePackage } from './workspace-packages.js'

/** What became of one package of a workspace. */
export type PackageResult =
  | (WorkspacePackage & { readonly result: GenerateResult })
  /** Not tried: what it depends on has failed. */
  | (WorkspacePackage & { readonly blockedBy: string })

/** Neither components nor run(): a package may use the SDK for other things, and a program may do without it. */
export function declaresNothing({ status, diagnostics }: GenerateResult): boolean {
  return status === 'failed' && diagnostics.every(({ code }) => code === 'WVG041')
}

/**
 * Generates for the packages in their order. A package below which one failed is not tried, as its own messages would only speak of that. Packages without
 * components are left out of the results.
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
