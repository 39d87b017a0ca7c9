// One process of one row: `child.js serve|drive ROW MEETING PAYLOAD SECONDS PROFILE`. Tells its
// parent when it is ready, and what it measured.
import { once } from 'node:events'
import { Profiler } from './cpu-profile.js'
import { measure } from './measure.js'
import type { ToChild, ToParent } from './messages.js'
import { ROWS } from './rows.js'
import type { Meeting, Payload, Row } from './row.js'

const [role, name = '', meeting = '', payload = '', seconds, profilePath = ''] = process.argv.slice(2)
// Before the row is loaded, so that the profiler sees its code compiled.
const profiler = profilePath === '' ? undefined : await Profiler.prepare(profilePath)
const row = (await ROWS[name]?.load()) as Row // main.ts starts children for such rows only
const at = JSON.parse(meeting) as Meeting
const tell = (message: ToParent): void => void process.send?.(message)

process.on('disconnect', () => process.exit()) // nobody is left to stop it

if (role === 'serve') {
  await row.serve(at)
  process.on('message', (message: ToChild) => {
    if (message.kind === 'go') void profiler?.start()
    else void (profiler?.stop() ?? Promise.resolve()).then(() => tell({ kind: 'written' }))
  })
  tell({ kind: 'ready' })
} else {
  const calls = await row.connect(at)
  const sample = await measure(calls[payload as Payload], Number(seconds), {
    async begin() {
      tell({ kind: 'ready' })
      await once(process, 'message')
      await profiler?.start()
    },
    async end() {
      tell({ kind: 'done' })
      await profiler?.stop()
    },
  })
  tell({ kind: 'sample', sample })
}
