/**
 * The composition root of an application's process: reads the environment, starts the weavelet, installs signal handlers, ends the process. Nothing else in
 * the SDK reads `process.env` or `process.argv`, but for the references in configuration (config/references.ts).
 */
import { randomUUID } from 'node:crypto'
import { fstatSync } from 'node:fs'
import type { WeaverGen } from '../component/binding.js'
import type { Main } from '../component/component.js'
import type { Interceptors } from '../component/interceptor.js'
import { banner } from '../contract/banner.js'
import { BOOTSTRAP_ENV, parseBootstrap } from '../contract/bootstrap.js'
import { DESCRIBE_ENV } from '../contract/describe-run.js'
import { prettyPrinter } from '../contract/log-print.js'
import { parseSingleLaunch, shortDeploymentId, SINGLE_ENV, type SingleLaunch } from '../contract/single.js'
import { checkOneCopy } from '../context/sdk-copies.js'
import { setCallCounting } from '../telemetry/call-stats.js'
import { emptyConfig, readAppConfig } from '../config/app-config.js'
import { answerDescribeRequest } from './describe-application.js'
import { deploymentOf, setDeployment, type Deployment } from '../context/deployment.js'
import { checkNodeVersion } from './node-version.js'
import { ProcessEnd } from './process-end.js'
import { ProgramOutput } from './program-output.js'
import { graceMsOf, type RunLimits } from './run-limits.js'
import { readTelemetryEnvironment } from './telemetry-environment.js'
import { startWeavelet } from './start-weavelet.js'
import type { WeaveletOptions } from './weavelet-options.js'

const NO_CONFIG_READ = 'no configuration was read: set WEAVER_CONFIG=weaver.toml, or use `weaver single deploy`'

/** Choices of the application about its own running. */
export interface RunOptions extends RunLimits {
  /** For development: calls within one process copy arguments and results as calls between processes do. Shows code that counts on sharing them. @default false */
  readonly copyArgs?: boolean
  /** Code around every call that components of this process make or serve. */
  readonly interceptors?: Interceptors
  /** How long a call may take where neither its method (`timeoutMs`) nor its component (`defaultTimeoutMs`) says, in milliseconds. @default 30000 */
  readonly defaultTimeoutMs?: number
}

/**
 * Runs an application: all of it in this process, or the part that the deployer named. Resolves
 * when everything has started. The process then serves until SIGTERM or SIGINT, drains, and exits:
 *
 * - with 0 after a stop in time;
 * - with 1 when it could not start, `main()` failed, the connection to the broker was lost for
 *   good, the broker did not allow a subscription, or the stop took longer than its grace period.
 *
 * It never rejects: what went wrong is logged, a mistake of the user as one sentence without a
 * stack. A second SIGINT ends the process at once.
 * @param app the class with `main()`.
 * @param gen what `weaver generate` wrote.
 * @example
 * import { run } from '@weaver/sdk'
 * import { App } from './app.js'
 * import { weaver } from './weaver.gen.js'
 *
 * await run(App, weaver)
 */
export async function run(app: new () => Main, gen: WeaverGen, runOptions: RunOptions = {}): Promise<void> {
  const output = new ProgramOutput(prettyPrinter({ isColored: hasColors() }))
  /** Fires when the process is told to stop. */
  const abort = new AbortController()
  try {
    checkNodeVersion(process.versions.node)
    checkOneCopy()
    answerWhoeverAsks(app, gen)
    const { options, lifelineFd } = readLaunch(output)
    const { bootstrap } = options
    const { logLevel, isCounting, tracing } = readTelemetryEnvironment(process.env)
    output.sink.level = logLevel
    setCallCounting(isCounting)
    setDeployment(options.deployment)
    const graceMs = (bootstrap?.preStopMs ?? 0) + graceMsOf(bootstrap, runOptions.shutdownGraceMs)
    const end = new ProcessEnd(output, { abort, graceMs })
    const started = startWeavelet({
      ...options,
      app,
      gen,
      logSink: output.sink,
      logShipper: output.shipper,
      copyArgs: runOptions.copyArgs === true,
      interceptors: runOptions.interceptors,
      maxMessageBytes: runOptions.maxMessageBytes,
      maxBatch: runOptions.maxBatch,
      maxConcurrent: runOptions.maxConcurrent,
      shutdownGraceMs: runOptions.shutdownGraceMs,
      defaultTimeoutMs: runOptions.defaultTimeoutMs,
      startWaitMs: runOptions.startWaitMs,
      tracing,
      signal: abort.signal,
      onFailed: (error) => {
        output.fail(error)
        end.begin(started, 1)
      },
    })
    end.listen(started, lifelineFd)
    await started
  } catch (error) {
    if (abort.signal.aborted && error === abort.signal.reason) return // told to stop before it began: its end is under way
    await output.shipper?.stop() // what follows goes to stdout
    output.fail(error)
    process.exit(1)
  }
}

/** A deploy asks what the application is, and wants nothing to run. */
function answerWhoeverAsks(app: new () => Main, gen: WeaverGen): void {
  const request = process.env[DESCRIBE_ENV]
  if (request === undefined || request === '') return
  answerDescribeRequest(request, app, gen)
  process.exit(0) // whatever the modules of the application have left open
}

/** Who started this process, what it is to run, and where its output goes: that is settled before anything else can fail. */
function readLaunch(output: ProgramOutput): Found {
  const text = takeVariable(BOOTSTRAP_ENV)
  const isDeployed = text !== undefined && text !== ''
  if (isDeployed) output.toLines(process.stdout)
  const launch = takeSingleLaunch()
  if (launch !== undefined) output.toLines(process.stderr)
  if (isDeployed || launch !== undefined) outliveReader()
  const found = isDeployed ? deployed(text) : alone(process.argv[1] ?? 'app', launch)
  const { bootstrap } = found.options
  if (bootstrap?.logs === 'nats') output.toBroker(bootstrap)
  return found
}

/** Whoever reads what this process writes may be killed. The process has to stop in order then, and not by its next line. */
function outliveReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
}

type Found = {
  readonly lifelineFd: number | undefined
  readonly options: Pick<
    WeaveletOptions,
    'deployment' | 'bootstrap' | 'configOf' | 'configSections' | 'configRemedy' | 'configListeners' | 'addressOf' | 'controlSocket'
  >
}

function deployed(text: string): Found {
  const bootstrap = parseBootstrap(text)
  return {
    lifelineFd: bootstrap.lifelineFd,
    options: {
      deployment: deploymentOf(bootstrap),
      bootstrap,
      configOf: (component) => bootstrap.config[component],
      configSections: Object.keys(bootstrap.config),
      addressOf: (listener) => bootstrap.listeners[listener]?.address ?? 'localhost:0',
    },
  }
}

/**
 * Takes it out of the environment: a process that the application starts is not the one that is
 * meant, and gets no credentials of this one.
 */
function takeVariable(name: string): string | undefined {
  const text = process.env[name]
  delete process.env[name]
  return text
}

function takeSingleLaunch(): SingleLaunch | undefined {
  const text = takeVariable(SINGLE_ENV)
  return text === undefined || text === '' ? undefined : parseSingleLaunch(text)
}

function alone(program: string, launch: SingleLaunch | undefined): Found {
  const path = process.env['WEAVER_CONFIG'] || process.env['SERVICEWEAVER_CONFIG']
  const isUnconfigured = path === undefined || path === ''
  const found = isUnconfigured ? emptyConfig(program) : readAppConfig(path, program)
  const deploymentId = launch?.deploymentId ?? randomUUID()
  const deployment: Deployment = {
    app: found.name,
    deploymentId,
    versionId: shortDeploymentId(deploymentId),
    group: 'main',
    replica: String(process.pid),
    isSingle: true,
  }
  if (launch === undefined) process.stderr.write(banner([['app', found.name], ['deployment', deploymentId]])) // prettier-ignore
  return {
    lifelineFd: lifelineOf(launch),
    options: {
      deployment,
      configOf: found.configOf,
      configSections: found.sections,
      configRemedy: isUnconfigured ? NO_CONFIG_READ : undefined,
      configListeners: found.listeners,
      addressOf: found.addressOf,
      controlSocket: launch?.controlSocket,
    },
  }
}

/** The command may have started something that starts this process (`npm start`), and does not pass the descriptor on: another one may have its number then. */
function lifelineOf({ lifelineFd }: Partial<SingleLaunch> = {}): number | undefined {
  if (lifelineFd === undefined || process.platform === 'win32' || process.channel != null) return undefined
  try {
    return fstatSync(lifelineFd).isSocket() ? lifelineFd : undefined // as the command makes it
  } catch {
    return undefined
  }
}

/** As no-color.org has it: set to anything, it means no colours. */
function hasColors(): boolean {
  return (process.env['NO_COLOR'] ?? '') === '' && process.stderr.isTTY === true
}
