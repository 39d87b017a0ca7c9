import { fileURLToPath } from 'node:url'
import { kubectl } from './kube.js'
import { repositoryRoot } from './paths.js'
import { eventually, sh, type ShOptions, type ShResult } from './sh.js'

/** What the harness hands in (`e2e/cluster/cluster.sh env`). */
export interface Platform {
  /** `host:port` of a registry that this shell pushes to and the cluster pulls from under one name. */
  readonly registry: string
  /** Image with Node, the base of applications and of the operator. */
  readonly baseImage: string
  readonly natsImage: string
  readonly proxyImage: string
}

export function platformFromEnvironment(): Platform {
  const need = (name: string): string => {
    const value = process.env[name]
    if (value === undefined || value === '')
      throw new Error(
        `${name} is not set: these stories run on a cluster. Run \`make test\`, or \`eval "$(e2e/cluster/cluster.sh env)"\` after \`make cluster-up\`.`,
      )
    return value
  }
  need('KUBECONFIG')
  return {
    registry: need('WEAVER_REGISTRY'),
    baseImage: need('WEAVER_BASE_IMAGE'),
    natsImage: need('WEAVER_NATS_IMAGE'),
    proxyImage: need('WEAVER_PROXY_IMAGE'),
  }
}

const root = fileURLToPath(repositoryRoot)

/** The `weaver` command, as a user runs it. */
export async function weaver(args: readonly string[], options: ShOptions = {}): Promise<ShResult> {
  return sh([process.execPath, `${root}cli/bin/weaver.js`, ...args], options)
}

export const OPERATOR_NAMESPACE = 'weaver-system'
export const RELEASE = 'weaver'

/** Builds the operator's image, pushes it, and installs the chart as a user would. Idempotent (`helm upgrade --install`). */
export async function installOperator(
  platform: Platform,
  options: { readonly values?: readonly string[]; readonly onOutput?: (text: string) => void } = {},
): Promise<{ readonly image: string; readonly imageMs: number; readonly installMs: number }> {
  const pass = options.onOutput === undefined ? {} : { onOutput: options.onOutput }
  const started = Date.now()
  const pushed = await weaver(
    [
      'image',
      'push',
      '--package',
      `${root}operator`,
      '--base',
      platform.baseImage,
      '--entrypoint',
      'node dist/main.js',
      '--no-graph',
      `${platform.registry}/weaver/operator:e2e`,
    ],
    { timeoutMs: 300_000, ...pass },
  )
  const built = Date.now()
  // By digest: the tag stays the same from build to build.
  const image = pushed.stdout.trim()
  const [tagged = '', digest = ''] = image.split('@')
  const split = (reference: string): readonly [string, string] => {
    const colon = reference.lastIndexOf(':')
    return [reference.slice(0, colon), reference.slice(colon + 1)]
  }
  const set = (prefix: string, reference: string): readonly string[] => {
    const [repository, tag] = split(reference)
    return ['--set-string', `${prefix}.repository=${repository}`, '--set-string', `${prefix}.tag=${tag}`]
  }
  await sh(
    [
      'helm', 'upgrade', '--install', RELEASE, `${root}charts/weaver-operator`, '--namespace', OPERATOR_NAMESPACE, '--create-namespace', '--wait', '--timeout', '4m',
      ...set('image', tagged),
      '--set-string',
      `image.digest=${digest}`,
      ...set('nats.image', platform.natsImage),
      ...set('proxy.image', platform.proxyImage),
      // A version that got its last request is kept this long; two minutes by default, too long for a story.
      '--set',
      'proxy.failOpenSeconds=5',
      ...(options.values ?? []).flatMap((value) => ['--set', value]),
    ],
    { timeoutMs: 300_000, ...pass },
  ) // prettier-ignore
  return { image, imageMs: built - started, installMs: Date.now() - built }
}

/** A new namespace that enforces the restricted Pod Security Standard, so that every story shows that Weaver's pods meet it. What an earlier run left of it goes first. */
export async function createNamespace(name: string): Promise<void> {
  await deleteNamespace(name)
  await kubectl(['create', 'namespace', name])
  await kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted'])
  await eventually(
    `the default service account of namespace "${name}"`,
    async () => (await kubectl(['get', 'serviceaccount', 'default', '-n', name, '-o', 'name'])) || undefined,
    { everyMs: 100 },
  )
}

export async function deleteNamespace(name: string): Promise<void> {
  // Applications first: Kubernetes deletes a namespace's pods, waits out their grace period, and only then the objects that the operator acts upon.
  if ((await kubectl(['get', 'namespace', name, '-o', 'name', '--ignore-not-found'])) === '') return
  await kubectl(['delete', 'weaverapps', '--all', '-n', name, '--timeout=150s'], { mayFail: true })
  const left = (await kubectl(['get', 'weaverapps', '-n', name, '-o', 'name'])).split('\n').filter((line) => line !== '')
  // Kubernetes would wait for their finalizer for ever, and every later story would meet what is left.
  for (const app of left)
    await kubectl(['patch', app, '-n', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}'], { mayFail: true })
  await kubectl(['delete', 'namespace', name, '--ignore-not-found', '--wait=true', '--timeout=240s'])
  if (left.length > 0) throw new Error(`the operator did not finish the deletion of ${left.join(', ')} in namespace ${name} within 150 s`)
}
