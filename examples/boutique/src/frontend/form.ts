import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

const MAX_BYTES = 10_000

export type Form = Readonly<Record<string, string>>

/**
 * What a browser sends with a form.
 * @returns `undefined` for one that is larger than any of ours, or does not say how large it is
 */
export async function readForm(request: IncomingMessage): Promise<Form | undefined> {
  if (Number(request.headers['content-length'] ?? Infinity) > MAX_BYTES) return undefined
  return Object.fromEntries(new URLSearchParams(await text(request)))
}

/** A path of this shop, whatever was asked for: a redirect must not lead to another site. */
export function localPath(path = '/'): string {
  return /^\/(?![/\\])[\w\-./?=&%+]*$/.test(path) ? path : '/'
}
