import { FIELD_MANAGER, LABELS } from '@weaver/crds'
import { isKubeError, KINDS, type KubeApi, type KubeObject } from '@weaver/kube'
import { operatorError } from '../errors/catalogue.js'
import { createBrokerAuth } from '../broker/keygen.js'

const KEYS = ['operator.seed', 'system.creds', 'auth.conf', 'route.password'] as const

/**
 * `weaver-operator keygen`: creates the Secret with the broker's keys, unless it exists.
 * Idempotent, and safe to run twice at once: `create` lets one win. Nothing is ever overwritten,
 * because every version's account depends on the keys.
 * @returns whether it was created by this call.
 * @throws WeaverError `WEAVER_KEYGEN_SECRET`: a Secret of that name lacks a key.
 */
export async function ensureBrokerSecret(
  api: KubeApi,
  secret: { readonly namespace: string; readonly name: string },
): Promise<'made' | 'was there'> {
  const { namespace, name } = secret
  const read = () => api.get<KubeObject & { readonly data?: Readonly<Record<string, string>> }>(KINDS.secrets, namespace, name)
  let found = await read()
  if (found === undefined) {
    const auth = await createBrokerAuth()
    const data = Object.fromEntries(KEYS.map((key) => [key, Buffer.from(auth[key]).toString('base64')]))
    const labels = { [LABELS.managedBy]: FIELD_MANAGER }
    try {
      await api.create(KINDS.secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels }, type: 'Opaque', data })
      return 'made'
    } catch (error) {
      if (!isKubeError(error, 409)) throw error
      found = await read() // another run was faster
    }
  }
  const missing = KEYS.filter((key) => (found?.data?.[key] ?? '') === '')
  if (missing.length > 0)
    throw operatorError(
      'WEAVER_KEYGEN_SECRET',
      `Secret "${namespace}/${name}" is there and lacks ${missing.join(', ')}; delete it to have it made anew, or name another`,
    )
  return 'was there'
}
