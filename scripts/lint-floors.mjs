/**
 * Who may import whom, as linter rules. Imports of types count, and so do those of tests.
 *
 * - `downwards`, the floors of `sdk/src` and of `cli/src`: a folder imports only from folders on the
 *   floors below its own. Tests of the SDK may use `testing/` and the doors as well; those of the
 *   command, which drive the whole of it, may use anything. ARCHITECTURE.md says what each folder
 *   is for.
 * - `doors`, of every package: another package is imported by its name, never by a path into its
 *   sources. What only tests need of it has a door of its own, under the condition
 *   `@weaver/source`, which exists in this repository alone. `.oxlintrc.json` says which packages
 *   may import which.
 */
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { workspaceFolders } from './prune-dist.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** By folder of sources. The lowest first; folders of one floor do not know each other. */
const FLOORS = {
  'sdk/src': [
    ['contract'],
    ['errors'],
    ['codec'],
    ['context'],
    ['telemetry/tracing'],
    ['telemetry'],
    ['component'],
    ['config'],
    ['rpc/wire'],
    ['rpc/transport'],
    ['rpc/replicas'],
    ['rpc/stream'],
    ['rpc/client', 'rpc/server'],
    ['rpc', 'local'], // `rpc` itself: tests of client and server together
    ['routing', 'leader'],
    ['weavelet/listener', 'weavelet/control'],
    ['weavelet/hosting'],
    ['weavelet'],
    ['sim/world'],
    ['sim'],
    ['.'],
  ],
  'cli/src': [
    ['packages', 'print', 'programs', 'completion'],
    ['context.ts', 'scaffold'],
    ['errors'],
    ['describe', 'generate', 'graph', 'http', 'logs/query'],
    ['config', 'logs'],
    ['image', 'deployers/local'],
    ['deployers/single', 'deployers/multi', 'deployers/gke-local', 'deployers/kube', 'deployers/ssh/agent'],
    ['deployers/ssh', 'deployers/dev'],
    ['commands/local'],
    ['commands'], // what several groups of commands share, and commands without a group
    ['commands/config', 'commands/gke-local', 'commands/image', 'commands/kube', 'commands/multi', 'commands/single', 'commands/ssh'],
    ['commands/operator'], // also a part of `kube`
    ['.'], // the command line, and the composition root
    ['reference'], // what docs are made of
  ],
}
/** Types that every floor speaks of: a floor of its own, though it lies at the top. */
const OWN_FLOOR = { 'cli/src': ['context.ts'] }
const FLOOR_OF = Object.fromEntries(
  Object.entries(FLOORS).map(([sources, floors]) => [
    sources,
    new Map(floors.flatMap((folders, floor) => folders.map((folder) => [folder, floor]))),
  ]),
)

/** What every test of the SDK may import: support that only tests use, and what users import. */
const OPEN_TO_TESTS = ['.', 'testing']

/** @returns the folder below `sources`, or the file where it is a floor of its own */
function floorNameOf(sources, file) {
  const path = relative(join(ROOT, sources), file).split(sep).join('/').replace(/\.js$/, '.ts')
  if (OWN_FLOOR[sources]?.includes(path)) return path
  return dirname(path).replace(/(^|\/)testdata$/, '') || '.'
}

/** @returns why `file` must not import `source`, as far as floors go */
function floorProblemOf(file, source) {
  if (typeof source !== 'string' || !source.startsWith('.')) return undefined
  const sources = Object.keys(FLOORS).find((folder) => file.startsWith(join(ROOT, folder) + sep))
  if (sources === undefined) return undefined
  const [from, to] = [floorNameOf(sources, file), floorNameOf(sources, join(dirname(file), source))]
  if (from === to || to.startsWith('..')) return undefined
  const isTest = /\.test(-d)?\.ts$/.test(file) || from === 'testing'
  if (isTest && (sources === 'cli/src' || from === 'testing' || OPEN_TO_TESTS.includes(to))) return undefined
  if (to === 'testing') return 'testing/ is for tests only.'
  const [own, other] = [FLOOR_OF[sources].get(from), FLOOR_OF[sources].get(to)]
  const missing = own === undefined ? from : other === undefined ? to : undefined
  if (missing !== undefined) return `"${missing}" is not a floor of ${sources}: give it its place in scripts/lint-floors.mjs.`
  if (own > other) return undefined
  return `"${from}" imports from folders below it only, and "${to}" is not: ARCHITECTURE.md, floors.`
}

const PACKAGES = workspaceFolders()
const packageOf = (file) => {
  const path = relative(ROOT, file).split(sep).join('/')
  return PACKAGES.find((folder) => path.startsWith(`${folder}/`))
}

/** @returns why `file` must not import `source`, as far as packages go */
function doorProblemOf(file, source) {
  if (typeof source !== 'string' || !source.startsWith('.')) return undefined
  const other = packageOf(join(dirname(file), source))
  if (other === undefined || other === packageOf(file)) return undefined
  return `"${other}" is another package: import it by its name, through one of the doors in its package.json.`
}

/** A rule about the pair of a file and what it imports. */
const ruleOf = (problemOf) => ({
  create(context) {
    const check = ({ source }) => {
      const problem = source && problemOf(context.filename, source.value)
      if (problem) context.report({ node: source, message: problem })
    }
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      TSImportType: check,
    }
  },
})

export default { meta: { name: 'floors' }, rules: { doors: ruleOf(doorProblemOf), downwards: ruleOf(floorProblemOf) } }
