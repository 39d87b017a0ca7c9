import { isWeaverError } from '@weaver/sdk/contract'
import { KINDS, resourcePath } from '@weaver/kube'
import type { KubeClient } from './kube-client.js'
import type { AppNotice } from './rollout-story.js'

/** The kind, as far as it is read. */
interface KubeEvent {
  readonly metadata: { readonly creationTimestamp: string }
  readonly eventTime?: string | null
  readonly reason?: string
  readonly note?: string
  readonly regarding?: { readonly uid?: string }
}

/** Events about a WeaverApp. A cluster keeps them for an hour or so; a user who may not list them has none. */
export async function listNotices(
  client: KubeClient,
  app: { readonly namespace: string; readonly name: string; readonly uid: string },
): Promise<readonly AppNotice[]> {
  try {
    const { body } = await client.call({
      path: resourcePath(KINDS.events, { namespace: app.namespace }),
      query: { fieldSelector: `regarding.name=${app.name},regarding.kind=WeaverApp` },
      what: `events of "${app.namespace}/${app.name}"`,
    })
    const { items } = body as { readonly items: readonly KubeEvent[] } // an EventList
    return items
      .filter(({ regarding }) => regarding?.uid === app.uid)
      .map(({ metadata, eventTime, reason = '', note = '' }) => ({ at: eventTime ?? metadata.creationTimestamp, reason, message: note }))
  } catch (error) {
    if (isWeaverError(error, 'WEAVER_CLI_KUBE_FORBIDDEN')) return []
    throw error
  }
}
