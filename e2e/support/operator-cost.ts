import { kubectl } from './kube.js'
import { OPERATOR_NAMESPACE } from './platform.js'

/** What the operator has used since it started, from its own `/metrics`. */
export interface OperatorUse {
  /** Epoch milliseconds. */
  readonly at: number
  readonly residentMiB: number
  readonly cpuSeconds: number
  /**
   * Calls to the Kubernetes API that write objects of the app: all but reads, watches, events and
   * the leader lease.
   */
  readonly apiWrites: number
}

export async function operatorUse(): Promise<OperatorUse> {
  const program = `fetch('http://127.0.0.1:8080/metrics').then(r=>r.text()).then(t=>process.stdout.write(t))`
  const text = await kubectl(['exec', '-n', OPERATOR_NAMESPACE, 'deploy/weaver-operator', '--', 'node', '-e', program])
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  let apiWrites = 0
  for (const [, labels = '', count = ''] of text.matchAll(/^rest_client_requests_total\{(.*)\} (\S+)$/gm)) {
    if (/method="GET"/.test(labels) || /resource="(events|leases)"/.test(labels)) continue
    apiWrites += Number(count)
  }
  return {
    at: Date.now(),
    residentMiB: value('process_resident_memory_bytes') / 1024 ** 2,
    cpuSeconds: value('process_cpu_seconds_total'),
    apiWrites,
  }
}

/** One line: what was used between two looks. */
export function describeUse(before: OperatorUse, after: OperatorUse): string {
  const cores = (after.cpuSeconds - before.cpuSeconds) / ((after.at - before.at) / 1000)
  return `${after.residentMiB.toFixed(0)} MiB resident, ${(cores * 100).toFixed(1)} % of a core, ${after.apiWrites - before.apiWrites} API writes`
}
