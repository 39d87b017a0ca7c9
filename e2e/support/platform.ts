import { fileURLToPath } from 'node:url'
import { kubectl } from './kube.js'
import { repositoryRoot } from './paths.js'
import { eventually, sh, type ShOptions, type ShResult } from './sh.js'

/** What the harness hands in (`e2e/cluster/cluster.sh env`). */
export interface Platform {
  /**
   * `host:port` of a registry that this shell pushes to and the cluster pulls from under one name.
   */
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
export const BROKER_RELEASE = 'weaver-nats'

/** Builds the operator's image and pushes it. @returns its name, with the digest */
async function pushOperatorImage(platform: Platform, pass: Pick<ShOptions, 'onOutput'> = {}): Promise<string> {
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
    pass,
  )
  return pushed.stdout.trim()
}

/** The values of the charts that name images of this platform. */
export function chartValues(
  platform: Platform,
  image: string,
): { readonly broker: readonly string[]; readonly operator: readonly string[] } {
  // By digest: the tag stays the same from build to build.
  const [tagged = '', digest = ''] = image.split('@')
  const set = (prefix: string, reference: string): readonly string[] => {
    // not the colon of a registry's port
    const [, repository = '', tag = ''] = /^(.*?)(?::([^/:]*))?$/.exec(reference) ?? []
    return ['--set-string', `${prefix}.repository=${repository}`, '--set-string', `${prefix}.tag=${tag}`]
  }
  const operator = (prefix: string): readonly string[] => [...set(prefix, tagged), '--set-string', `${prefix}.digest=${digest}`]
  return {
    broker: [...operator('keygen.image'), ...set('image', platform.natsImage)],
    // A version that got its last request is kept this long; two minutes by default, too long for a
    // story.
    operator: [...operator('image'), ...set('proxy.image', platform.proxyImage), '--set', 'proxy.failOpenSeconds=5'],
  }
}

export async function helm(args: readonly string[], options: ShOptions = {}): Promise<ShResult> {
  return sh(['helm', ...args, '--namespace', OPERATOR_NAMESPACE], options)
}

/**
 * Builds the operator's image, pushes it, and installs both charts as a user would. Idempotent
 * (`helm upgrade --install`).
 */
export async function installOperator(
  platform: Platform,
  options: { readonly onOutput?: (text: string) => void } = {},
): Promise<{ readonly image: string; readonly imageMs: number; readonly installMs: number }> {
  const pass = options.onOutput === undefined ? {} : { onOutput: options.onOutput }
  const started = Date.now()
  const image = await pushOperatorImage(platform, pass)
  const built = Date.now()
  await installCharts(platform, image, pass)
  return { image, imageMs: built - started, installMs: Date.now() - built }
}

/** @param image of the operator, by digest */
export async function installCharts(platform: Platform, image: string, pass: Pick<ShOptions, 'onOutput'> = {}): Promise<void> {
  const values = chartValues(platform, image)
  const wait = ['--create-namespace', '--wait', '--timeout', '8m']
  const limit = { timeoutMs: 600_000, ...pass }
  await helm(['upgrade', '--install', BROKER_RELEASE, `${root}charts/weaver-nats`, ...wait, ...values.broker], limit)
  await helm(['upgrade', '--install', RELEASE, `${root}charts/weaver-operator`, ...wait, ...values.operator], limit)
}

/** The image that the installed operator runs, by digest. */
export async function operatorImage(): Promise<string> {
  return kubectl([
    'get',
    'deployment/weaver-operator',
    '-n',
    OPERATOR_NAMESPACE,
    '-o',
    'jsonpath={.spec.template.spec.containers[0].image}',
  ])
}

/**
 * A new namespace that enforces the restricted Pod Security Standard, so that every story shows
 * that Weaver's pods meet it. What an earlier run left of it goes first.
 */
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
  // Applications first: Kubernetes deletes a namespace's pods, waits out their grace period, and
  // only then the objects that the operator acts upon.
  if ((await kubectl(['get', 'namespace', name, '-o', 'name', '--ignore-not-found'])) === '') return
  await kubectl(['delete', 'weaverapps', '--all', '-n', name, '--timeout=150s'], { mayFail: true })
  const left = (await kubectl(['get', 'weaverapps', '-n', name, '-o', 'name'])).split('\n').filter((line) => line !== '')
  // Kubernetes would wait for their finalizer for ever, and every later story would meet what is
  // left.
  for (const app of left)
    await kubectl(['patch', app, '-n', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}'], { mayFail: true })
  // Pods before their namespace: while one is left Kubernetes looks again only after half of its
  // grace period, however soon it ends.
  await kubectl(['delete', 'deployments,replicasets,pods', '--all', '-n', name, '--timeout=150s'], { mayFail: true })
  await kubectl(['delete', 'namespace', name, '--ignore-not-found', '--wait=true', '--timeout=240s'])
  if (left.length > 0) throw new Error(`the operator did not finish the deletion of ${left.join(', ')} in namespace ${name} within 150 s`)
}
