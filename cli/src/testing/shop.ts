import type { WeaverApp } from '@weaver/crds'
import type { KubeClient } from '../deployers/kube/kube-client.js'
import { ANSWER_DESCRIBE, GRAPH, makeTree } from './fixtures.js'

/**
 * Creates the folder of an application `shop` with a weaver.toml, generated and built.
 * @param toml what follows the application section
 */
export function makeShop(toml = ''): Promise<string> {
  return makeTree({
    'package.json': JSON.stringify({ name: '@acme/shop', version: '1.0.0', type: 'module' }),
    'weaver.graph.json': JSON.stringify(GRAPH),
    'dist/main.js': ANSWER_DESCRIBE,
    'weaver.toml': `[serviceweaver]\nname = "shop"\nrollout = "1m"\n\n["shop/Cart"]\nsize = 3\n\n[kube]\nlisteners.lis = { port = 8080 }\n${toml}`,
  })
}

/** Plays the operator and other users: reads and writes a WeaverApp without the command. */
export interface AppsOf {
  read(name: string): Promise<WeaverApp | undefined>
  /** Passes on the API server's answer unchanged. */
  create(name: string, more?: { readonly metadata?: object; readonly spec?: object }): Promise<WeaverApp>
  /** A merge patch. */
  patch(name: string, patch: object): Promise<WeaverApp>
  /** A merge patch of the status; `observedGeneration` defaults to the current generation. */
  status(name: string, status: NonNullable<WeaverApp['status']>): Promise<void>
}

export async function makeNamespace(admin: KubeClient, namespace: string): Promise<AppsOf> {
  await admin.call({
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { metadata: { name: namespace } },
    what: `namespace "${namespace}"`,
  })
  const path = `/apis/weaver.dev/v1alpha1/namespaces/${namespace}/weaverapps`
  const call = async (name: string, more: Partial<Parameters<KubeClient['call']>[0]>): Promise<WeaverApp> =>
    (await admin.call({ path: `${path}/${name}`, what: name, ...more })).body as WeaverApp // of the kind that was asked for
  const read = async (name: string): Promise<WeaverApp | undefined> => {
    const { status, body } = await admin.call({ path: `${path}/${name}`, what: name, accept: [404] })
    return status === 404 ? undefined : (body as WeaverApp) // of the kind that was asked for
  }
  return {
    read,
    create: (name, { metadata = {}, spec = {} } = {}) =>
      call(name, {
        method: 'POST',
        path,
        body: {
          apiVersion: 'weaver.dev/v1alpha1',
          kind: 'WeaverApp',
          metadata: { name, ...metadata },
          spec: { image: 'registry.example/shop:1', ...spec },
        },
      }),
    patch: (name, body) => call(name, { method: 'PATCH', contentType: 'application/merge-patch+json', body }),
    async status(name, status) {
      const observedGeneration = (await read(name))?.metadata.generation
      await call(name, {
        method: 'PATCH',
        path: `${path}/${name}/status`,
        contentType: 'application/merge-patch+json',
        body: { status: { ...(observedGeneration === undefined ? {} : { observedGeneration }), ...status } },
      })
    },
  }
}

/** Probes until there is a result. @throws Error after a minute */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await probe()
    if (found !== undefined && found !== false) return found
  }
  throw new Error(`gave up waiting for ${what}`)
}
