/** The whole layer: two weavelets with generated stubs and codecs, as a deployer starts them. */
import { App } from '../app.js'
import { ORDER } from '../order.js'
import { startPart } from '../start-part.js'
import { TINY, type Row } from './row.js'

/**
 * What differs from an application that sets nothing: counted calls, no OpenTelemetry SDK, logs to
 * stdout.
 */
export interface WeaverRowOptions {
  readonly maxBatch?: number
  readonly metrics?: boolean
  /** An OpenTelemetry SDK is installed, and about one call in a second begins a trace. */
  readonly traces?: boolean
  /** Log entries go to a deployer over NATS. The methods write none. */
  readonly logs?: boolean
}

export function weaverRow(options: WeaverRowOptions): Row {
  const start = async (natsUrl: string, group: string, components: readonly string[]): Promise<void> => {
    if (options.metrics === false) process.env['WEAVER_METRICS'] = 'off'
    if (options.traces === true) await installTracing()
    const { logs = false, maxBatch } = options
    await startPart({ natsUrl, group, components, logs, ...(maxBatch === undefined ? {} : { maxBatch }) })
  }
  return {
    serve: ({ natsUrl }) => start(natsUrl, 'echo', ['bench/Echo']),
    async connect({ natsUrl }) {
      await start(natsUrl, 'main', ['weaver/Main'])
      const echo = App.current?.echo
      if (echo === undefined) throw new Error('main() did not run')
      return { tiny: () => echo.tiny(TINY), order: () => echo.order(ORDER) }
    },
  }
}

/** Spans are made and batched as an application does it; what would be sent goes nowhere. */
async function installTracing(): Promise<void> {
  const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node')
  const nowhere = {
    export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: async () => undefined,
  }
  new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(nowhere)] }).register()
}
