/**
 * Matches sections of a configuration with components, by name or by its last part. Each problem is
 * one line.
 */
import { unknownNameHint } from './nearest-name.js'

/**
 * Sections that match no component, or several.
 * @param names of all components
 */
export function unknownSections(sections: readonly string[], names: readonly string[]): readonly string[] {
  return sections.flatMap((section) => {
    const meant = names.includes(section) ? [section] : names.filter((name) => isMeant(name, section))
    if (meant.length === 0)
      return [`configuration for "${section}": the application has no such component; ${unknownNameHint(section, names)}`]
    if (meant.length === 1) return []
    return [`configuration for "${section}": it may mean ${meant.map((name) => `"${name}"`).join(' or ')}; name the component in full`]
  })
}

/**
 * Sections of components that take no configuration: a mistake that would go unnoticed.
 * @param components those that are constructed here
 */
export function unreadSections(
  sections: readonly string[],
  components: readonly { readonly name: string; readonly isConfigured: boolean }[],
): readonly string[] {
  const taking = components.filter(({ isConfigured }) => isConfigured).map(({ name }) => name)
  return sections.flatMap((section) => {
    const meant = components.find(({ name }) => name === section) ?? components.find(({ name }) => isMeant(name, section))
    if (meant === undefined || meant.isConfigured) return []
    return [
      `configuration for "${section}": "${meant.name}" takes none, as its class has no config() field; ${unknownNameHint(section, taking)}`,
    ]
  })
}

function isMeant(name: string, section: string): boolean {
  return name.endsWith(`/${section}`)
}
