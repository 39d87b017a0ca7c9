import { BOOTSTRAP_ENV, type Bootstrap } from '@weaver/sdk/contract'

export interface Part {
  readonly natsUrl: string
  readonly group: string
  readonly components: readonly string[]
  /** Log entries go over NATS. @default false */
  readonly logs?: boolean
  readonly maxBatch?: number
}

/** Makes this process a weavelet of the benchmark's application, as a deployer does it. */
export async function startPart({ natsUrl, group, components, logs, maxBatch }: Part): Promise<void> {
  const bootstrap: Bootstrap = {
    version: 1,
    app: 'bench',
    deploymentId: 'bench-1',
    versionId: '1',
    replica: `${group}-0`,
    group,
    components,
    listeners: {},
    nats: { servers: [natsUrl] },
    config: {},
    ...(logs === true ? { logs: 'nats' } : {}),
  }
  process.env[BOOTSTRAP_ENV] = JSON.stringify(bootstrap)
  if (maxBatch !== undefined) process.env['BENCH_MAX_BATCH'] = String(maxBatch)
  await import('./main.js')
}
