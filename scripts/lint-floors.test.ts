import { fileURLToPath } from 'node:url'

interface Rule {
  create(context: { readonly filename: string; report(problem: { readonly message: string }): void }): {
    ImportDeclaration(node: { readonly source: { readonly value: string } }): void
  }
}
let rules: { readonly downwards: Rule; readonly doors: Rule }
beforeAll(async () => {
  const plugin = (await import(new URL('lint-floors.mjs', import.meta.url).href)) as { readonly default: { readonly rules: typeof rules } }
  rules = plugin.default.rules
})

/** @param file below the root of the repository */
function problemsOf(rule: Rule, file: string, source: string): readonly string[] {
  const found: string[] = []
  const filename = fileURLToPath(new URL(`../${file}`, import.meta.url))
  rule.create({ filename, report: ({ message }) => void found.push(message) }).ImportDeclaration({ source: { value: source } })
  return found
}
const problems = (file: string, source: string): readonly string[] => problemsOf(rules.downwards, `sdk/src/${file}`, source)

it.each([
  ['rpc/client/retrier.ts', '../../context/context.js'],
  ['rpc/client/retrier.ts', './call-line.js'],
  ['weavelet/weavelet.ts', './listener/listener.js'],
  ['weavelet/weavelet.ts', 'nats'],
  ['telemetry/tracing.nats.test.ts', '../index.js'],
  ['telemetry/tracing.nats.test.ts', '../testing/hand-made-app.js'],
])('%s may import %s', (file, source) => {
  expect(problems(file, source)).toEqual([])
})

it.each([
  [
    'telemetry/log-shipper.ts',
    '../rpc/transport/transport.js',
    '"telemetry" imports from folders below it only, and "rpc/transport" is not',
  ],
  ['telemetry/log.test.ts', '../rpc/transport/transport.js', '"telemetry" imports from folders below it only, and "rpc/transport" is not'],
  ['rpc/server/rpc-server.ts', '../client/rpc-client.js', '"rpc/server" imports from folders below it only, and "rpc/client" is not'],
  ['weavelet/listener/listener.ts', '../weavelet.js', '"weavelet/listener" imports from folders below it only, and "weavelet" is not'],
  ['component/construction.ts', '../index.js', '"component" imports from folders below it only, and "." is not'],
  ['sim/simulate.ts', '../testing/cable.js', 'testing/ is for tests only'],
  ['new-folder/idea.ts', '../contract/errors.js', '"new-folder" is not a floor of sdk/src'],
])('%s must not import %s', (file, source, why) => {
  expect(problems(file, source)).toEqual([expect.stringContaining(why)])
})

it.each([
  ['commands/multi/deploy.ts', '../../deployers/multi/deploy-multi.js', ''],
  ['errors/report-error.ts', '../context.js', ''],
  ['logs/query/log-query.test.ts', '../select-entries.js', ''],
  ['deployers/multi/deploy-multi.ts', '../single/deploy-single.js', '"deployers/multi" imports from folders below it only'],
  ['describe/described-graph.ts', '../config/launch.js', '"describe" imports from folders below it only, and "config" is not'],
  ['context.ts', './program.js', '"context.ts" imports from folders below it only, and "." is not'],
])('in the command, %s imports %s: %s', (file, source, why) => {
  expect(problemsOf(rules.downwards, `cli/src/${file}`, source)).toEqual(why === '' ? [] : [expect.stringContaining(why)])
})

it.each([
  ['operator/src/control/a.test.ts', '@weaver/sdk/test-support'],
  ['operator/src/control/a.test.ts', '../testing/app-story.js'],
  ['examples/hello/src/a.test.ts', '../../../scripts/build-example.js'],
])('%s may import %s, as far as packages go', (file, source) => {
  expect(problemsOf(rules.doors, file, source)).toEqual([])
})

it.each([
  ['operator/src/control/a.test.ts', '../../../sdk/src/leader/leadership.js', 'sdk'],
  ['codegen/src/a.test.ts', '../../sdk/dist/internal.js', 'sdk'],
  ['examples/hello/src/a.test.ts', '../../bank/src/main.js', 'examples/bank'],
])('%s must not import %s', (file, source, other) => {
  expect(problemsOf(rules.doors, file, source)).toEqual([expect.stringContaining(`"${other}" is another package`)])
})
