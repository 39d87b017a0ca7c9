import { run } from '@weaver/sdk'
import { App } from './app.js'
import { weaver } from './weaver.gen.js'

await run(App, weaver)
