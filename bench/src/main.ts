import { run } from '@weaver/sdk'
import { App } from './app.js'
import { weaver } from './weaver.gen.js'

/** Set by start-part.ts; an application has one `run()`. */
const maxBatch = process.env['BENCH_MAX_BATCH']
// A benchmark starts the components that it calls, not all that are referred to: none is waited
// for.
await run(App, weaver, { startWaitMs: 0, ...(maxBatch === undefined ? {} : { maxBatch: Number(maxBatch) }) })
