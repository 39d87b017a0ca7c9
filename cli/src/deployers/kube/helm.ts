import { spawn } from 'node:child_process'
import { cliError } from '../../errors/catalogue.js'
import type { Part } from './installation.js'

export interface HelmOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly kubeconfig?: string
  readonly context?: string
  readonly timeoutMs: number
}

/**
 * `helm uninstall` of the release that a part belongs to; returns when its objects are gone.
 * @throws WeaverError `WEAVER_CLI_HELM`: Helm is missing or failed, or did not install the part
 */
export async function uninstallRelease(part: Part, options: HelmOptions): Promise<void> {
  const what = `${part.kind} "${part.namespace}/${part.name}"`
  if (part.release === undefined)
    throw cliError('WEAVER_CLI_HELM', `${what} was not installed by Helm; remove it with what installed it, then run this again`)
  const args = [
    'uninstall',
    part.release,
    '--namespace',
    part.namespace,
    '--wait',
    '--timeout',
    `${Math.ceil(options.timeoutMs / 1000)}s`,
    ...(options.kubeconfig === undefined ? [] : ['--kubeconfig', options.kubeconfig]),
    ...(options.context === undefined ? [] : ['--kube-context', options.context]),
  ]
  const command = `helm ${args.join(' ')}`
  const { code, said } = await new Promise<{ readonly code: number | null; readonly said: string }>((resolve, reject) => {
    const child = spawn('helm', args, { env: { ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.on('error', (cause) =>
      reject(
        cliError('WEAVER_CLI_HELM', `${what}: \`helm\` cannot be started: ${cause.message}; install it, or run: ${command}`, { cause }),
      ),
    )
    child.on('close', (exit) => resolve({ code: exit, said: said.trim() }))
  })
  if (code !== 0) throw cliError('WEAVER_CLI_HELM', `${what}: \`${command}\` failed: ${said}`)
}
