import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { fileURLToPath } from 'node:url'

/**
 * The packages that are loaded with a built module of ours: what it imports statically, and what
 * that imports. Packages of others are named, and not looked into.
 * @param module URL of the built file
 */
export function packagesLoadedWith(module: string): readonly string[] {
  const seen = new Set<string>()
  const packages = new Set<string>()
  const visit = (url: string): void => {
    if (seen.has(url)) return
    seen.add(url)
    const code = readFileSync(new URL(url), 'utf8')
    for (const [, specifier = ''] of code.matchAll(/^(?:import|export)\s(?:[^'=;]*\sfrom\s)?'([^']+)'/gm)) {
      if (specifier.startsWith('node:')) continue
      if (specifier.startsWith('.')) visit(new URL(specifier, url).href)
      else {
        const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
        packages.add(name)
        if (name.startsWith('@weaver/')) visit(doorOf(name, specifier.slice(name.length), url))
      }
    }
    if (/createRequire\(import\.meta\.url\)\('([^']+)'\)/.exec(code)?.[1] === 'typescript-api') packages.add('typescript-api')
  }
  visit(module)
  return [...packages].sort()
}

/** The built file behind a door of a package: not the source, which tests resolve to. */
function doorOf(name: string, door: string, from: string): string {
  const path = findPackageJSON(name, fileURLToPath(from))
  if (path === undefined) throw new Error(`${name} is not installed for ${from}`)
  const { exports } = JSON.parse(readFileSync(path, 'utf8')) as { exports: Record<string, { default: string }> } // of a package of ours
  const target = exports[`.${door}`]?.default
  if (target === undefined) throw new Error(`${name} has no door "${door}"`)
  return new URL(target, `file://${path}`).href
}
