// One process of one row: `child.js serve|drive ROW NATS_URL PAYLOAD SECONDS`. Tells its parent when it is ready, or what it measured.
import { measure } from './measure.js'
import { ROWS } from './rows.js'

const [role, name = '', natsUrl = '', payload, seconds] = process.argv.slice(2)
const row = ROWS[name]
if (row === undefined) throw new Error(`there is no row "${name}"`)
if (role === 'serve') {
  await row.serve(natsUrl)
  // Its own CPU, for as long as the parent asks.
  process.on('message', () => process.send?.(process.cpuUsage()))
  process.send?.('ready')
} else {
  const calls = await row.connect(natsUrl)
  const sample = await measure(payload === 'tiny' ? calls.tiny : calls.order, Number(seconds))
  process.send?.(sample)
}
