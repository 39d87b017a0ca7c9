/** Members that exist for the compiler only, such as brands, and names of members for messages. */
import type ts from 'typescript-api'

/** Names that only brands have. */
export const BRAND = /^_+brand(ed)?_*$/i

/** The compiler's name of `[key]` is `__@key@123`. */
export function isSymbolKeyed({ name }: ts.Symbol): boolean {
  return name.startsWith('__@')
}

/** As the source has it: `[key]`, `#secret`. */
export function shownName({ name }: ts.Symbol): string {
  if (name.startsWith('__@')) return `[${name.slice(3).replace(/@\d+$/, '')}]`
  return name
}

/** A brand, or a member that may be absent, as brands are. */
export function isPhantom(api: typeof ts, property: ts.Symbol): boolean {
  return isSymbolKeyed(property) || (property.flags & api.SymbolFlags.Optional) !== 0 || isBrandName(property.name)
}

export function isPrivate(api: typeof ts, { escapedName, declarations = [] }: ts.Symbol): boolean {
  const { Private, Protected } = api.ModifierFlags
  // The compiler calls `#secret` `__#1@#secret`; its plain name would be that of a property quoted
  // in the source.
  return (
    String(escapedName).startsWith('__#') ||
    declarations.some((found) => (api.getCombinedModifierFlags(found) & (Private | Protected)) !== 0)
  )
}

/**
 * The brand in `{ mail: string } & { readonly __brand: 'Verified' }`: the only member of its part.
 */
export function brandOf(api: typeof ts, type: ts.IntersectionType, checker: ts.TypeChecker): ts.Symbol | undefined {
  return type.types
    .map((part) => checker.getPropertiesOfType(part))
    .flatMap((members) => (members.length === 1 ? members : members.filter(({ name }) => BRAND.test(name))))
    .find((member) => !(member.flags & api.SymbolFlags.Optional) && isBrandName(member.name))
}

/** GraphQL's `__typename` is data. */
function isBrandName(name: string): boolean {
  return BRAND.test(name) || (/^__[A-Za-z]/.test(name) && name !== '__typename' && name !== '__proto__')
}
