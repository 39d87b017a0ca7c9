import type { ComponentGraph } from '@weaver/sdk/contract'
import { parseConfig } from '../../config/load-config.js'
import { stopWaves } from '../local/process-groups.js'
import { planMulti } from './multi-plan.js'

const node = (name: string, refs: readonly string[] = [], listeners: readonly string[] = []) => ({ name, refs, listeners, methods: [] })
const GRAPH: ComponentGraph = {
  format: 1,
  generator: 't',
  fingerprint: 'f',
  components: [
    node('shop/Bank'),
    node('shop/Cart', ['shop/Bank']),
    node('shop/Till', ['shop/Bank']),
    node('weaver/Main', ['shop/Cart', 'shop/Till'], ['lis']),
  ],
}
const plan = (toml: string) => planMulti(parseConfig(`[serviceweaver]\n${toml}`, { path: '/shop/weaver.toml', file: 'weaver.toml' }), GRAPH)

describe('the plan of a deployment', () => {
  it('gives every component a group of two processes, but for what the file says', () => {
    const shown = (toml: string) => plan(toml).groups.map(({ name, hosts, replicas }) => `${name}: ${hosts.join(' ')} x${replicas}`)
    expect(shown('')).toEqual(['bank: shop/Bank x2', 'cart: shop/Cart x2', 'main: weaver/Main x2', 'till: shop/Till x2'])
    expect(
      shown(
        'colocate = [["shop/Till", "weaver/Main"]]\n[multi]\nreplicas = 3\nlisteners.lis = { address = "localhost:1" }\n[[multi.groups]]\nname = "money"\ncomponents = ["shop/Bank", "shop/Cart"]\nreplicas = 1',
      ),
    ).toEqual(['money: shop/Bank shop/Cart x1', 'till: shop/Till weaver/Main x3'])
    expect(plan('[multi]\nlisteners.lis = { address = "localhost:1" }').addresses).toEqual({ lis: 'localhost:1' })
    expect(plan('').addresses).toEqual({ lis: undefined })
  })

  it('refuses what the application does not have, and a component in two groups, all at once', () => {
    const toml =
      'colocate = [["shop/Cart"], ["shop/Bnak"]]\n[multi]\nlisteners.list = {}\n[[multi.groups]]\nname = "money"\ncomponents = ["shop/Cart"]\n[[multi.groups]]\nname = "money"\ncomponents = ["shop/Bank"]'
    expect(() => plan(toml)).toThrow(
      expect.objectContaining({
        message: [
          'weaver.toml:2:14: serviceweaver.colocate[0][0]: component "shop/Cart" is in another group, too; leave it in one: a component runs in one group',
          'weaver.toml:2:29: serviceweaver.colocate[1][0]: the application has no component "shop/Bnak"; did you mean "shop/Bank"?',
          'weaver.toml:4:11: multi.listeners.list: the application has no listener "list"; did you mean "lis"?',
          'weaver.toml:9:1: multi.groups[1].name: there is another group "money"; give it a name of its own',
        ].join('\n'),
      }),
    )
  })

  it('stops callers before those that they call, and circles together', () => {
    expect(stopWaves(plan('').groups)).toEqual([['main'], ['cart', 'till'], ['bank']])
    const circle = [
      { name: 'a', hosts: ['a'], calls: ['b'], listeners: [], hasMain: false, replicas: 1 },
      { name: 'b', hosts: ['b'], calls: ['a', 'c'], listeners: [], hasMain: false, replicas: 1 },
      { name: 'c', hosts: ['c'], calls: [], listeners: [], hasMain: false, replicas: 1 },
      { name: 'm', hosts: ['m'], calls: ['a'], listeners: [], hasMain: true, replicas: 1 },
    ]
    expect(stopWaves(circle)).toEqual([['m'], ['a', 'b', 'c']])
  })
})
