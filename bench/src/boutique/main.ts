// A web shop in three shapes: `npm run bench:boutique -- --help`.
import { numberFlag, runCommand } from '../command.js'
import { median } from '../statistics.js'
import { table } from '../table.js'
import { SHOPS, type RunningShop, type ShopKind } from './shops.js'
import { visit, type Visit } from './visitors.js'

const NAMES: Readonly<Record<ShopKind, string>> = {
  together: 'one process',
  weaver: 'Weaver, eleven processes',
  http: 'HTTP and JSON, eleven processes',
}
const KINDS = Object.keys(NAMES) as readonly ShopKind[] // it has a name for each
const usage = `Usage: npm run bench:boutique -- [flags]

Visitors of examples/boutique look around, fill carts and buy. The same business code and pages in three shapes:
  ${NAMES.together}: all components together, calls as method calls
  ${NAMES.weaver}: each component by itself, calls by Weaver over one nats-server
  ${NAMES.http}: each component by itself, calls as JSON by node:http and undici

  --rounds N    of each shape, in turn (default: 3)
  --seconds N   of each round, with each number of visitors (default: 5)
  --visitors N  at a time; a single one is measured as well (default: 16)
  --json        machine-readable
Needs nats-server on the PATH.
`
const WARM_UP_SECONDS = 4

interface Round {
  readonly kind: ShopKind
  readonly alone: Visit
  readonly crowd: Visit
}

await runCommand(
  {
    usage,
    needs: 'nats-server',
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      visitors: { type: 'string', default: '16' },
    },
  },
  async (flags) => {
    const [rounds, seconds, visitors] = [numberFlag('rounds', flags.rounds), numberFlag('seconds', flags.seconds, 0.05), numberFlag('visitors', flags.visitors)] // prettier-ignore
    const measured: Round[] = []
    const shops = new Map<ShopKind, RunningShop>()
    try {
      for (const kind of KINDS) {
        const shop = await SHOPS[kind]()
        shops.set(kind, shop)
        await visit(shop, visitors, Math.min(WARM_UP_SECONDS, seconds))
      }
      for (let round = 0; round < rounds; round++)
        // Each is the first one once: none has the calm machine for itself.
        for (const kind of [...KINDS.slice(round % KINDS.length), ...KINDS.slice(0, round % KINDS.length)]) {
          const shop = shops.get(kind) as RunningShop // started above
          const row = { kind, alone: await visit(shop, 1, seconds), crowd: await visit(shop, visitors, seconds) }
          measured.push(row)
          process.stderr.write(`${NAMES[kind]}: ${row.crowd.journeysPerSecond.toFixed(0)} journeys/s\n`)
        }
    } finally {
      await Promise.all([...shops.values()].map((shop) => shop.stop()))
    }
    process.stdout.write(flags.json === true ? `${JSON.stringify(measured, null, 2)}\n` : report(measured, visitors))
  },
)

function report(rounds: readonly Round[], visitors: number): string {
  const of = (kind: ShopKind, figure: (round: Round) => number): number => median(rounds.filter((round) => round.kind === kind).map(figure))
  const columns: readonly (readonly [title: string, figure: (round: Round) => number, digits: number])[] = [
    ['journeys/s', ({ crowd }) => crowd.journeysPerSecond, 0],
    ['requests/s', ({ crowd }) => crowd.requestsPerSecond, 0],
    ['p50 ms', ({ crowd }) => crowd.p50Ms, 1],
    ['p99 ms', ({ crowd }) => crowd.p99Ms, 1],
    ['CPU ms/request', ({ crowd }) => crowd.cpuMs, 2],
    ['p50 ms, alone', ({ alone }) => alone.p50Ms, 2],
    ['p99 ms, alone', ({ alone }) => alone.p99Ms, 2],
  ]
  const head = columns.map(([title]) => title)
  const absolute = KINDS.map((kind) => [NAMES[kind], ...columns.map(([, figure, digits]) => of(kind, figure).toFixed(digits))])
  const ratios = (to: ShopKind): string =>
    table(
      [`÷ ${NAMES[to]}`, ...head],
      KINDS.map((kind) => [NAMES[kind], ...columns.map(([, figure]) => (of(kind, figure) / of(to, figure)).toFixed(2))]),
    )
  return `${table([`${visitors} visitors`, ...head], absolute)}\n${ratios('together')}\n${ratios('http')}`
}
