/** The whole layer: two weavelets with everything on, generated stubs and codecs. */
import { BOOTSTRAP_ENV, type Bootstrap } from '@weaver/sdk/contract'
import { App } from '../app.js'
import { ORDER } from '../order.js'
import { TINY, type Row } from './row.js'

async function start(natsUrl: string, part: { readonly group: string; readonly components: readonly string[] }): Promise<void> {
  const bootstrap: Bootstrap = {
    version: 1,
    app: 'bench',
    deploymentId: 'bench-1',
    versionId: '1',
    replica: `${part.group}-0`,
    ...part,
    listeners: {},
    nats: { servers: [natsUrl] },
    config: {},
  }
  process.env[BOOTSTRAP_ENV] = JSON.stringify(bootstrap)
  process.env['WEAVER_LOG_LEVEL'] = 'warn'
  await import('../main.js')
}

/** @param prepare what the process does first, on both sides. */
function weaver(title: string, prepare: () => Promise<void> | void = () => undefined): Row {
  return {
    title,
    async serve(natsUrl) {
      await prepare()
      await start(natsUrl, { group: 'echo', components: ['bench/Echo'] })
    },
    async connect(natsUrl) {
      await prepare()
      await start(natsUrl, { group: 'main', components: ['weaver/Main'] })
      const echo = App.current?.echo
      if (echo === undefined) throw new Error('main() did not run')
      return { tiny: () => echo.tiny(TINY), order: () => echo.order(ORDER) }
    },
  }
}

export const weaverRow: Row = weaver('Weaver')

/** What counting costs is the difference to the row above. */
export const weaverUncountedRow: Row = weaver('Weaver, metrics off', () => {
  process.env['WEAVER_METRICS'] = 'off'
})

/** An OpenTelemetry SDK is installed, and about one call in a second begins a trace. */
export const weaverTracedRow: Row = weaver('Weaver, OpenTelemetry installed', async () => {
  const { NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node')
  new NodeTracerProvider().register()
})
