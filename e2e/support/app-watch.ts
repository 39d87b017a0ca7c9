import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { WeaverApp } from '@weaver/crds'

/**
 * Every state of a WeaverApp that the API server stores from now on, the present one first, until
 * `signal` aborts. A watch and not a poll: a state that a slow `kubectl` would be too late for is
 * seen too. An app that is not there yet is waited for; a watch that ends is begun again.
 */
export async function* watchApp(namespace: string, name: string, signal: AbortSignal): AsyncGenerator<WeaverApp> {
  const path = `/apis/weaver.dev/v1alpha1/namespaces/${namespace}/weaverapps?watch=true&fieldSelector=metadata.name%3D${name}`
  while (!signal.aborted) {
    const child = spawn('kubectl', ['get', '--raw', path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const kill = (): void => void child.kill('SIGKILL')
    const closed = new Promise<void>((resolve, reject) => child.once('error', reject).once('close', () => resolve()))
    closed.catch(() => undefined) // told below, once the lines have ended
    signal.addEventListener('abort', kill, { once: true })
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        const event = JSON.parse(line) as { readonly type: string; readonly object: WeaverApp }
        if (event.type === 'ERROR') break
        if (event.type !== 'DELETED' && event.type !== 'BOOKMARK') yield event.object
      }
    } catch (error) {
      if (!signal.aborted) throw error // a line that the kill cut short
    } finally {
      signal.removeEventListener('abort', kill)
      kill()
    }
    await closed
    if (!signal.aborted) await delay(200)
  }
}
