/** Members that a type has for the compiler alone, such as brands, and how members are named in messages. */
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

/** A brand, or one that may be absent as brands are. */
export function isPhantom(api: typeof ts, property: ts.Symbol): boolean {
  return isSymbolKeyed(property) || (property.flags & api.SymbolFlags.Optional) !== 0 || isBrandName(property.name)
}

export function isPrivate(api: typeof ts, { escapedName, declarations = [] }: ts.Symbol): boolean {
  const { Private, Protected } = api.ModifierFlags
  // `#secret` is `__#1@#secret` to the compiler; its plain name is that of a property which is quoted in the source, too.
  return (
    String(escapedName).startsWith('__#') ||
    declarations.some((found) => (api.getCombinedModifierFlags(found) & (Private | Protected)) !== 0)
  )
}

/** Of `{ mail: string } & { readonly __brand: 'Verified' }` the brand: the one member of its part. */
export function brandOf(api: typeof ts, type: ts.IntersectionType, checker: ts.TypeChecker): ts.Symbol | undefined {
  return type.types
    .map((part) => checker.getPropertiesOfType(part))
    .flatMap((members) => (members.length === 1 ? members : members.filter(({ name }) => BRAND.test(name))))
    .find((member) => !(member.flags & api.SymbolFlags.Optional) && isBrandName(member.name))
}

/** What GraphQL calls `__typename` is data. */
function isBrandName(name: string): boolean {
  return BRAND.test(name) || (/^__[A-Za-z]/.test(name) && name !== '__typename' && name !== '__proto__')
}
