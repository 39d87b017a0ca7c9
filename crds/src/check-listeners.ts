import { fieldPath, type SpecProblem } from './problems.js'
import type { ListenerSpec, WeaverAppSpec } from './weaver-app.js'

const IP_ADDRESS = /^[0-9]+(\.[0-9]+){3}$/

/** What the schema cannot say of listeners. */
export function checkListeners({ listeners }: WeaverAppSpec): SpecProblem[] {
  const names = new Map<string, number>()
  /** Who answers for a host at a port: a name leads to one address only. */
  const answers = new Map<string, string>()
  return listeners.flatMap((listener, i) => {
    const other = names.get(listener.name)
    names.set(listener.name, i)
    const twice = {
      path: fieldPath('spec', 'listeners', i, 'name'),
      message: `listener "${listener.name}" appears twice, also as spec.listeners[${other}]`,
      remedy: 'remove one',
    }
    return [...(other === undefined ? [] : [twice]), ...checkHosts(listener, { index: i, answers }), ...checkAnnotations(listener, i)]
  })
}

function checkHosts(
  { name, port, hosts = [] }: ListenerSpec,
  { index, answers }: { readonly index: number; readonly answers: Map<string, string> },
): SpecProblem[] {
  return hosts.flatMap((host, j): SpecProblem[] => {
    const path = fieldPath('spec', 'listeners', index, 'hosts', j)
    if (IP_ADDRESS.test(host)) return [{ path, message: `"${host}" is an address`, remedy: 'give a host name' }]
    const key = `${host}:${port}`
    const owner = answers.get(key)
    answers.set(key, name)
    if (owner === undefined) return []
    return [
      {
        path,
        message: owner === name ? `"${host}" appears twice` : `"${host}" at port ${port} belongs to listener "${owner}" already`,
        remedy: owner === name ? 'remove one' : 'leave it with one of them, or give one another port',
      },
    ]
  })
}

function checkAnnotations({ service }: ListenerSpec, index: number): SpecProblem[] {
  return Object.keys(service?.annotations ?? {})
    .filter((key) => key.startsWith('weaver.dev/'))
    .map((key) => ({
      path: fieldPath('spec', 'listeners', index, 'service', 'annotations', key),
      message: "annotations of weaver.dev are Weaver's own",
      remedy: 'remove it',
    }))
}
