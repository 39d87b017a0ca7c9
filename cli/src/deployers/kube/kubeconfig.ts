import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import { cliError } from '../../errors/catalogue.js'

export interface KubeconfigOptions {
  /** A file, in place of `$KUBECONFIG` and `~/.kube/config`. */
  readonly kubeconfig?: string
  readonly context?: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Finds the kubeconfig as kubectl does: `--kubeconfig`, else the files of `$KUBECONFIG` (those that are not there are passed over; of two that say a thing the
 * first wins), else `~/.kube/config`, else, in a pod, its service account. What is returned has a current cluster.
 * @throws WeaverError `WEAVER_CLI_KUBECONFIG`
 */
export async function loadKubeconfig(options: KubeconfigOptions): Promise<KubeConfig> {
  // a second of loading that commands without a cluster need not pay
  const { KubeConfig } = await import('@kubernetes/client-node')
  const { files, isAsked } = candidates(options)
  const parts: { readonly file: string; readonly part: KubeConfig }[] = []
  for (const file of files) {
    const part = new KubeConfig()
    try {
      // client-node takes an empty file for a broken one
      if ((await readFile(file, 'utf8')).trim() === '') continue
      part.loadFromFile(file)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') continue // what fs rejects with
      throw unusable(`the kubeconfig "${file}" cannot be read: ${(cause as Error).message.split('\n')[0]}`, cause) // client-node throws errors
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
  else if (isAsked) throw unusable(`there is no kubeconfig "${files.join(delimiter)}", or it is empty`)
  else if ((options.env['KUBERNETES_SERVICE_HOST'] ?? '') !== '') config.loadFromCluster()
  else throw unusable(`there is no kubeconfig: KUBECONFIG is not set, and there is no "${files.join('')}"`)

  const where = `the kubeconfig "${parts.map(({ file }) => file).join(delimiter)}"`
  const known = config.contexts.map((context) => `"${context.name}"`).join(', ') || 'none'
  const { context } = options
  if (context !== undefined) {
    if (config.getContextObject(context) === null) throw unusable(`${where} has no context "${context}"; it has ${known}`)
    config.setCurrentContext(context)
  }
  const current = config.getCurrentContext()
  if (current === '') throw unusable(`${where} has no current context; it has ${known}; choose one with --context`)
  if (config.getContextObject(current) === null)
    throw unusable(`${where} has no context "${current}", which it says is the current one; it has ${known}`)
  if (config.getCurrentCluster() === null) throw unusable(`${where} has no cluster for its context "${current}"`)
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

function unusable(why: string, cause?: unknown): Error {
  return cliError(
    'WEAVER_CLI_KUBECONFIG',
    `${why}. Name a kubeconfig with --kubeconfig or in KUBECONFIG; \`kubectl config view\` shows what is in use`,
    { cause },
  )
}
