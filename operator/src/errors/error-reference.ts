import { OPERATOR_ERRORS, type OperatorErrorEntry } from './catalogue.js'

const RETRY: Readonly<Record<OperatorErrorEntry['retry'], string>> = {
  always: 'by itself, with growing pauses.',
  exits: 'the process ends; it starts again as its Deployment or Job says.',
}

const INTRODUCTION = `# Errors of the operator

<!-- Made from operator/src/errors/catalogue.ts by \`npm run generate -w operator\`. Do not edit. -->

The operator logs every error with its \`code\`, and its message stands in the conditions of the app that it
concerns: \`Stalled\` where a person is needed, otherwise \`Degraded\` or \`TrafficInSync\`. Codes are stable.
What fails for one version or one app holds up no other. Errors of applications are in [errors.md](errors.md),
those of the \`weaver\` command in [cli.md](cli.md#errors).
`

/** The text of `docs/operator-errors.md`. */
export function errorReference(): string {
  const entries = Object.entries<OperatorErrorEntry>(OPERATOR_ERRORS).sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    INTRODUCTION,
    ...entries.map(
      ([code, { when, retry, remedy }]) => `## ${code}\n\nOccurs when ${when}\n\n- Retried: ${RETRY[retry]}\n- Remedy: ${remedy}\n`,
    ),
  ].join('\n')
}
