import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import { WeaverError } from '@weaver/sdk/contract'

export interface KubeconfigOptions {
  /** A file, instead of `$KUBECONFIG` and `~/.kube/config`. */
  readonly kubeconfig?: string
  readonly context?: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** There is no usable kubeconfig. The message names the file and the reason. */
export class KubeconfigError extends WeaverError {
  constructor(message: string, cause?: unknown) {
    super('WEAVER_KUBECONFIG', message, { cause })
  }
}
Object.defineProperty(KubeconfigError.prototype, 'name', { value: 'KubeconfigError', configurable: true, writable: true })

/**
 * Finds the kubeconfig as kubectl does: the given file, else the files of `$KUBECONFIG` (missing
 * ones are skipped; the first file to define a name wins), else `~/.kube/config`, else, in a pod,
 * its service account. The result has a current cluster.
 * @throws KubeconfigError
 */
export async function loadKubeconfig(options: KubeconfigOptions): Promise<KubeConfig> {
  // takes up to a second to load, which commands without a cluster need not pay
  const { KubeConfig } = await import('@kubernetes/client-node')
  const { files, isAsked } = candidates(options)
  const isPod = (options.env['KUBERNETES_SERVICE_HOST'] ?? '') !== ''
  const parts: { readonly file: string; readonly part: KubeConfig }[] = []
  for (const file of files) {
    const part = new KubeConfig()
    try {
      // client-node rejects an empty file as broken
      if ((await readFile(file, 'utf8')).trim() === '') continue
      part.loadFromFile(file)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException // what fs rejects with
      // in a pod the home folder may be another user's
      if (code === 'ENOENT' || (code === 'EACCES' && !isAsked && isPod)) continue
      throw new KubeconfigError(`the kubeconfig "${file}" cannot be read: ${(cause as Error).message.split('\n')[0]}`, cause) // client-node throws errors
    }
    parts.push({ file, part })
  }
  const config = new KubeConfig()
  if (parts.length > 0)
    config.loadFromOptions({
      clusters: firstOfName(parts.flatMap(({ part }) => part.clusters)),
      users: firstOfName(parts.flatMap(({ part }) => part.users)),
      contexts: firstOfName(parts.flatMap(({ part }) => part.contexts)),
      currentContext: parts.map(({ part }) => part.currentContext).find((name) => (name ?? '') !== '') ?? '',
    })
  else if (isAsked) throw new KubeconfigError(`there is no kubeconfig "${files.join(delimiter)}", or it is empty`)
  else if (isPod) config.loadFromCluster()
  else throw new KubeconfigError(`there is no kubeconfig: KUBECONFIG is not set, and there is no "${files.join('')}"`)

  const where = `the kubeconfig "${parts.map(({ file }) => file).join(delimiter)}"`
  const known = config.contexts.map((context) => `"${context.name}"`).join(', ') || 'none'
  const { context } = options
  if (context !== undefined) {
    if (config.getContextObject(context) === null) throw new KubeconfigError(`${where} has no context "${context}"; it has ${known}`)
    config.setCurrentContext(context)
  }
  const current = config.getCurrentContext()
  if (current === '') throw new KubeconfigError(`${where} has no current context; it has ${known}; choose one with --context`)
  if (config.getContextObject(current) === null)
    throw new KubeconfigError(`${where} has no context "${current}", which it says is the current one; it has ${known}`)
  if (config.getCurrentCluster() === null) throw new KubeconfigError(`${where} has no cluster for its context "${current}"`)
  return config
}

function candidates({ kubeconfig, env }: KubeconfigOptions): { readonly files: readonly string[]; readonly isAsked: boolean } {
  if (kubeconfig !== undefined) return { files: [kubeconfig], isAsked: true }
  const named = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '')
  if (named.length > 0) return { files: named, isAsked: true }
  return { files: [join(env['HOME'] ?? env['USERPROFILE'] ?? '/', '.kube', 'config')], isAsked: false }
}

function firstOfName<T extends { readonly name: string }>(all: readonly T[]): T[] {
  return all.filter((one, i) => all.findIndex((other) => other.name === one.name) === i)
}
