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

A platform failure of a call that a method makes in turn, and lets through, is such an error of the method: it arrives as a \`RemoteCallError\`, but its code and \`mayHaveRun\` are
to be judged for the nested call. The method that was called did run, as far as that call. Where that matters, make it safe to repeat, or catch the failure and say what was done.
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
