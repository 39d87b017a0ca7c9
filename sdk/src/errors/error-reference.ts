import { SDK_ERRORS, type ErrorEntry, type Retry } from './catalogue.js'

const RETRY: Readonly<Record<Retry, string>> = {
  no: 'does not help.',
  yes: 'may help; nothing has happened.',
  'if-repeatable': 'only where `mayHaveRun` is false, or where the method may run twice.',
}

const INTRODUCTION = `# Errors of \`@weaver/sdk\`

<!-- Made from sdk/src/errors/catalogue.ts by \`npm run generate -w sdk\`. Do not edit. -->

Every error that Weaver raises on purpose is a \`WeaverError\` with a \`code\`. Codes are stable: compare by code (\`isWeaverError(error, code)\`), never by message,
and never by \`instanceof\` across packages or processes. Those of the \`weaver\` command are in [cli.md](cli.md#errors).

A call that failed on its way, not in the method, is a \`RemoteCallError\` with a code that begins with \`WEAVER_RPC_\`. Its \`mayHaveRun\` is false only when the
method surely did not run. What a method itself throws arrives as it was thrown, with class (where \`registerError\` knows it), name, code, message, details and causes,
and is never retried.
`

/** The text of `docs/errors.md`. */
export function errorReference(): string {
  const entries = Object.entries<ErrorEntry>(SDK_ERRORS).sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    INTRODUCTION,
    ...entries.map(
      ([code, { when, retry, remedy }]) => `## ${code}\n\nOccurs when ${when}\n\n- Trying again: ${RETRY[retry]}\n- Remedy: ${remedy}\n`,
    ),
  ].join('\n')
}
