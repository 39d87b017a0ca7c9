// One service of the peer: `node http-service.js COMPONENT '{"boutique/Ads":4001,…}'`; the ports
// are those of all of them, its own included.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Frontend, weaver, type Shop } from '@weaver-examples/boutique'
import type { Logger } from '@weaver/sdk'
import { MAIN_COMPONENT } from '@weaver/sdk/contract'
import { construct } from '@weaver/testing'
import { callComponent, serveComponent } from './json-over-http.js'

/** The others log errors only. */
const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message, fields) => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  with: () => log,
}

const [, , name = '', ports = '{}'] = process.argv
const portOf = JSON.parse(ports) as Readonly<Record<string, number>>
const bindings = weaver.components()
const stubs = new Map(
  bindings.map(({ token, methods }) => {
    const stub = callComponent(
      token.name,
      methods.map(({ name }) => name),
      `http://127.0.0.1:${portOf[token.name]}`,
    )
    return [token.name, { token, stub }] as const
  }),
)
const stub = <T>(component: string): T => stubs.get(component)?.stub as T // its methods are those of the component

function server(): ReturnType<typeof createServer> {
  if (name === MAIN_COMPONENT) {
    const shop: Shop = {
      ads: stub('boutique/Ads'),
      carts: stub('boutique/Carts'),
      catalog: stub('boutique/Catalog'),
      checkout: stub('boutique/Checkout'),
      currencies: stub('boutique/Currencies'),
      recommendations: stub('boutique/Recommendations'),
    }
    const frontend = new Frontend(shop, { log, shopName: 'Boutique', secureCookies: false })
    return createServer((request, response) => void frontend.handle(request, response))
  }
  const binding = bindings.find(({ token }) => token.name === name)
  if (binding === undefined) throw new Error(`the shop has no component "${name}"`)
  const refs = [...stubs.values()].map(({ token, stub }) => [token, stub] as const)
  const implementation = construct(binding.implementation.create, { refs, config: {}, logger: log })
  // bound, as its methods are taken out of it
  const methods = binding.methods.map(({ name }) => [name, (implementation as Record<string, Function>)[name]?.bind(implementation)] as const) // prettier-ignore
  return serveComponent(name, Object.fromEntries(methods) as Parameters<typeof serveComponent>[1])
}

const served = server()
served.keepAliveTimeout = 75_000 // as Weaver sets it: nothing is connected anew
served.listen(portOf[name], '127.0.0.1')
await once(served, 'listening')
process.stdout.write('listening\n')
