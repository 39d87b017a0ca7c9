import { run } from '@weaver/sdk'
import { App } from './app.js'
import { weaver } from './weaver.gen.js'

/** Set by start-part.ts; an application has one `run()`. */
const maxBatch = process.env['BENCH_MAX_BATCH']
await run(App, weaver, maxBatch === undefined ? {} : { maxBatch: Number(maxBatch) })
