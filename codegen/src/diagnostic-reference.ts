import { CATALOGUE } from './diagnostics.js'

const INTRODUCTION = `# Errors of \`weaver generate\`

<!-- Made from codegen/src/diagnostics.ts by \`npm run generate -w codegen\`. Do not edit. -->

Each is reported with file, line and column, all of them at once; nothing is written then. Where a type cannot be sent, the message begins with the way to it: \`Cart.add(order).items[].owner.callback is a function\`.
Codes are stable. What the rules are for: [generator.md](generator.md).
`

/** The text of `docs/generator-errors.md`. */
export function diagnosticReference(): string {
  const entries = Object.entries(CATALOGUE).map(
    ([code, { when, hint }]) => `## ${code}\n\n${escaped(capital(when))}.\n\nRemedy: ${escaped(hint)}.\n`,
  )
  return [INTRODUCTION, ...entries].join('\n')
}

const capital = (text: string): string => (/^[a-z]+ /.test(text) ? `${text.charAt(0).toUpperCase()}${text.slice(1)}` : text)

/** Escapes for Markdown: text outside of code that looks like a tag. */
function escaped(text: string): string {
  return text.replace(/`[^`]*`|[<{]/g, (part) => (part.length > 1 ? part : `\\${part}`))
}
