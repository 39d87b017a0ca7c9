import { literalOption } from './literal-option.js'
import { instanceOf, type ClassSource } from './read-class.js'
import type { InterfaceSource } from './interface-source.js'
import type { SourceReader } from './source-reader.js'

/** The option `leader` of a component, which the deployer must know. */
export function readLeader(reader: SourceReader, from: InterfaceSource): 'version' | 'app' | undefined {
  return literalOption(reader, from, { name: 'leader', words: ['version', 'app'] })
}

/**
 * Option and hook are meaningless without each other; an interface method with the hook's name
 * would be both.
 */
export function checkLeader(
  reader: SourceReader,
  of: { readonly name: string; readonly leader: string | undefined; readonly methods: readonly { readonly name: string }[] },
  { declaration, given }: ClassSource,
): void {
  const { name, leader, methods } = of
  const isMethod = methods.some((method) => method.name === 'lead')
  const hasLead = instanceOf(reader, given)?.type.getProperty('lead') !== undefined
  const problem = (message: string): void =>
    reader.report('WVG048', message, reader.isOwn(declaration.getSourceFile().fileName) ? declaration : given)
  if (leader === undefined) {
    if (hasLead && !isMethod) problem(`lead() of ${given.getText()} never runs: component "${name}" has no option leader`)
  } else if (isMethod) problem(`component "${name}" has the option leader, and its interface has a method lead()`)
  else if (!hasLead) problem(`component "${name}" has the option leader, but ${given.getText()} has no lead()`)
}
