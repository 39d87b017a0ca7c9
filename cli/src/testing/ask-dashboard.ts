import type { WeaveletMetrics } from '@weaver/sdk/contract'
import { setTimeout as sleep } from 'node:timers/promises'
import { runWeaver, startWeaver, type RunOptions } from './run-weaver.js'

interface Shown {
  readonly methods: readonly { readonly key: string; readonly calls: number; readonly errors: number; readonly requestBytes: number }[]
  readonly detail: {
    readonly deployment: {
      readonly config: unknown
      readonly groups: readonly {
        readonly replicas: readonly {
          readonly pid: number
          readonly memoryBytes: number
          readonly lastDeath?: { readonly cause: string }
        }[]
      }[]
    }
  }
}

/** Starts the dashboard of a deployer. `close` ends it by Ctrl-C. */
export async function openDashboard(
  deployer: string,
  options: RunOptions,
): Promise<{ get(path: string): Promise<unknown>; close(): Promise<number> }> {
  const dashboard = startWeaver([deployer, 'dashboard', '--no-open'], options)
  const line = /^http:\/\/127\.0\.0\.1:\d+\/\?token=([\w-]+)\n/
  let token: string | undefined
  for (let ended: unknown; token === undefined && ended === undefined; [, token] = line.exec(dashboard.stdout()) ?? [])
    ended = await Promise.race([dashboard.done, sleep(50)])
  return {
    async get(path) {
      const response = await fetch(new URL(`/api/v1/${path}`, dashboard.stdout()), { headers: { authorization: `Bearer ${token ?? ''}` } })
      return response.json()
    },
    async close() {
      dashboard.interrupt()
      return (await dashboard.done).code
    },
  }
}

/**
 * Asks the dashboard of a deployer, whose only deployment gets no calls meanwhile.
 * @returns what its API says beside what `metrics` adds up to
 */
export async function askDashboard(
  deployer: string,
  options: RunOptions,
): Promise<Shown & { readonly counted: Shown['methods']; readonly code: number }> {
  const { get, close } = await openDashboard(deployer, options)
  const [{ key }] = (await get('deployments')) as [{ readonly key: string }]
  const { rows } = (await get(`deployments/${key}/methods`)) as {
    readonly rows: readonly {
      readonly component: string
      readonly method: string
      readonly isRemote: boolean
      readonly total: Omit<Shown['methods'][number], 'key'>
    }[]
  }
  const detail = (await get(`deployments/${key}`)) as Shown['detail']
  const replies = JSON.parse((await runWeaver([deployer, 'metrics', '--json'], options)).stdout) as readonly WeaveletMetrics[]
  return {
    code: await close(),
    detail,
    methods: rows.map(({ component, method, isRemote, total: { calls, errors, requestBytes } }) => ({
      key: `${component}.${method} ${isRemote}`,
      calls,
      errors,
      requestBytes,
    })),
    counted: addUp(replies),
  }
}

/** Straight from the series, so that it does not err where the dashboard does. */
function addUp(replies: readonly WeaveletMetrics[]): Shown['methods'] {
  const sums = new Map<string, { calls: number; errors: number; requestBytes: number }>()
  const fields = {
    weaver_method_calls_total: 'calls',
    weaver_method_errors_total: 'errors',
    weaver_method_request_bytes: 'requestBytes',
  } as const
  for (const { name, series } of replies.flatMap(({ families }) => families)) {
    const field = fields[name as keyof typeof fields]
    if (field === undefined) continue
    for (const { labels, value } of series) {
      const [, component, method, remote] = labels
      const key = `${component}.${method} ${remote}`
      const sum = sums.get(key) ?? { calls: 0, errors: 0, requestBytes: 0 }
      sums.set(key, { ...sum, [field]: sum[field] + (value ?? 0) })
    }
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, sum]) => ({ key, ...sum }))
}
