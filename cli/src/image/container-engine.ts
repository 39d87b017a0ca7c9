import { spawn } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cliError } from '../errors/catalogue.js'
import { RUN_AS, type RunSettings } from './build-image.js'
import type { Layer } from './layer.js'
import { formatReference, isLoopbackRegistry, parseReference, type ImageReference } from './reference.js'

export const ENGINES = ['docker', 'podman', 'buildah'] as const
export type Engine = (typeof ENGINES)[number]

/** The first engine that is installed and works. A `docker` without its daemon does not count. */
export async function findEngine(env: Readonly<Record<string, string | undefined>>): Promise<Engine | undefined> {
  for (const engine of ENGINES) if ((await run(engine, ['info'], { env, timeoutMs: 5_000 })).code === 0) return engine
  return undefined
}

export interface EngineBuild {
  readonly base: string
  readonly layers: readonly Layer[]
  readonly settings: RunSettings
  readonly target: ImageReference
  /** @default the engine's own */
  readonly platform?: string
  readonly isInsecure: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onOutput: (line: string) => void
}

/**
 * Builds and pushes with an engine. A Dockerfile without RUN adds the same layers as a build
 * without an engine.
 * @returns the digest in the registry
 */
export async function buildWithEngine(engine: Engine, build: EngineBuild): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weaver-image-'))
  const name = formatReference(build.target)
  const call = async (args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(engine, args, { env: build.env, timeoutMs: 15 * 60_000, onOutput: build.onOutput })
    if (code === 0) return stdout
    throw cliError(
      'WEAVER_CLI_ENGINE',
      `\`${engine} ${args.slice(0, 2).join(' ')}\` failed for image "${name}": ${stderr.trim().split('\n').slice(-3).join(' ')}. To build without it give --engine none`,
    )
  }
  try {
    for (const [i, layer] of build.layers.entries()) await copyFile(layer.file, join(folder, `layer${i}.tar.gz`))
    await writeFile(join(folder, 'Dockerfile'), dockerfile(build))
    const platform = build.platform === undefined ? [] : ['--platform', build.platform]
    await call(['build', ...platform, '--tag', name, folder])
    const digestFile = join(folder, 'digest')
    if (engine !== 'docker') {
      const isPlain = build.isInsecure || isLoopbackRegistry(build.target.registry)
      await call(['push', ...(isPlain ? ['--tls-verify=false'] : []), '--digestfile', digestFile, name])
      return (await readFile(digestFile, 'utf8')).trim()
    }
    await call(['push', name])
    const digests = JSON.parse(await call(['image', 'inspect', '--format', '{{json .RepoDigests}}', name])) as readonly string[] // docker's own format
    const found = digests
      .map((text) => parseReference(text))
      .find((one) => one.registry === build.target.registry && one.repository === build.target.repository)
    if (found?.digest === undefined)
      throw cliError('WEAVER_CLI_ENGINE', `docker pushed "${name}" but does not report its digest; give --engine none`)
    return found.digest
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function dockerfile({ base, layers, settings }: EngineBuild): string {
  return [
    `FROM ${base}`,
    ...layers.map((_, i) => `ADD layer${i}.tar.gz /`),
    'ENV NODE_ENV=production',
    'WORKDIR /app',
    `USER ${RUN_AS}`,
    `ENTRYPOINT ${JSON.stringify(settings.entrypoint)}`,
    `CMD ${JSON.stringify(settings.args)}`,
    ...Object.entries(settings.labels).map(([key, value]) => `LABEL ${JSON.stringify(key)}=${JSON.stringify(value)}`),
    '',
  ].join('\n')
}

interface RunOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly timeoutMs: number
  readonly onOutput?: (line: string) => void
}

function run(
  command: string,
  args: readonly string[],
  { env, timeoutMs, onOutput }: RunOptions,
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    // a timer of our own: spawn's keeps running if the program does not exist
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
      for (const line of chunk.split('\n')) if (line.trim() !== '') onOutput?.(line)
    })
    const end = (code: number, text: string): void => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr: text })
    }
    child.on('error', (error: NodeJS.ErrnoException) =>
      end(127, error.code === 'ENOENT' ? `there is no program "${command}" on the PATH` : error.message),
    )
    child.on('close', (code) => end(code ?? 137, stderr))
  })
}
