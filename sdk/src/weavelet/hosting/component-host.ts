/**
 * The components of one process: constructed depth-first from what is hosted here, checked against
 * the generated file, started in dependency order and stopped in reverse order of start. A ref to a
 * component hosted here is a forwarder to the object, any other a stub over RPC.
 */
import type { ComponentBinding, LocalCalls } from '../../component/binding.js'
import type { Component, Hooks, Main } from '../../component/component.js'
import { constructWithin } from '../../component/construction.js'
import { interceptCalls, interceptInstance, interceptLocalCalls } from '../../component/interceptor.js'
import { MAIN_COMPONENT } from '../../contract/bootstrap.js'
import { unknownNameHint } from '../../config/nearest-name.js'
import { parseConfig } from '../../config/parse-config.js'
import { unknownSections, unreadSections } from '../../config/sections.js'
import { isWeaverError, reasonOf, WeaverError } from '../../contract/errors.js'
import { limitProblems } from '../../context/time-limit.js'
import { ComponentHealth } from './component-health.js'
import { startInOrder } from './component-start.js'
import type { HostOptions } from './host-options.js'
import type { BoundListener } from '../listener/listener.js'
import { LocalGate, type LocalCaller, type LocalTarget } from '../../local/local-calls.js'
import { StartProblems } from './start-error.js'

/** What the fields of a class created during its construction. */
interface Made {
  readonly refs: Set<string>
  /** The refs that the start waits for. */
  readonly needs: Set<string>
  readonly listeners: Set<string>
  /** Whether it has a `config()` field. */
  isConfigured: boolean
  /** False if a field could not be provided, so that later failures may only be consequences. */
  isComplete: boolean
}

interface Hosted {
  readonly name: string
  readonly instance: object & Hooks
  /** The receiver of calls: the instance, or the interceptors in front of it. */
  readonly target: object
  readonly binding: ComponentBinding | undefined
  readonly needs: ReadonlySet<string>
  readonly isConfigured: boolean
  isStarted: boolean
}

export class ComponentHost {
  readonly #options: HostOptions
  readonly #bindings: ReadonlyMap<string, ComponentBinding>
  /** In order of construction: a component comes after those that it refers to. */
  readonly #hosted = new Map<string, Hosted>()
  /** In order of start, which differs if a component waited for other processes. */
  readonly #started: Hosted[] = []
  readonly #constructing: string[] = []
  readonly #problems: StartProblems
  /** Components whose construction failed: their problems are reported once. */
  readonly #failed = new Set<string>()
  readonly #health: ComponentHealth
  readonly #listeners = new Map<string, BoundListener>()

  /**
   * Constructs everything that is hosted.
   * @throws WeaverError `WEAVER_START_INVALID` with all problems; if it is the only one,
   * `WEAVER_COMPONENT_CYCLE` with the path, or `WEAVER_CONSTRUCT_FAILED`.
   */
  constructor(options: HostOptions) {
    this.#options = options
    this.#problems = new StartProblems(options.configRemedy)
    this.#health = new ComponentHealth(options.log)
    const bindings = new Map<string, ComponentBinding>()
    for (const binding of options.gen.components()) {
      if (bindings.has(binding.token.name)) this.#problems.add(`component "${binding.token.name}" is bound twice; run \`weaver generate\``)
      bindings.set(binding.token.name, binding)
      for (const problem of limitProblems(binding.token.options)) this.#problems.add(`component "${binding.token.name}": ${problem}`)
    }
    this.#bindings = bindings
    for (const problem of options.runProblems ?? []) this.#problems.add(`run(): ${problem}`)
    const { configSections, replaced = new Set() } = options
    this.#problems.add(...unknownSections(configSections, [MAIN_COMPONENT, ...[...bindings.keys()].sort()]))
    if (this.#isHosted(MAIN_COMPONENT)) this.#construct(MAIN_COMPONENT)
    for (const name of [...bindings.keys()].sort()) if (this.#isHosted(name)) this.#construct(name)
    for (const name of options.hosted ?? [])
      if (!bindings.has(name) && name !== MAIN_COMPONENT)
        this.#problems.add(
          `the deployer wants "${name}" here, but this build has no such component; the image and the deployment are of different builds`,
        )
    const readers = [...this.#hosted.values()].filter(({ name }) => !replaced.has(name))
    this.#problems.add(...unreadSections(configSections, readers))
    if (this.#failed.size === 0)
      for (const name of options.configListeners ?? [])
        if (!this.#listeners.has(name))
          this.#problems.add(
            `listener "${name}": the application has no such listener; ${unknownNameHint(name, [...this.#listeners.keys()])}`,
          )
    this.#problems.throwIfAny()
  }

  get listeners(): readonly BoundListener[] {
    return [...this.#listeners.values()]
  }

  get main(): Main | undefined {
    return this.#hosted.get(MAIN_COMPONENT)?.instance as Main | undefined
  }

  /** A component as `owner` holds it. @throws WeaverError `WEAVER_START_INVALID` */
  refFor<T>(token: Component<T>, owner: string): T {
    const found = this.#resolve(token as Component<unknown>, owner)
    this.#problems.throwIfAny()
    return found as T // the token's interface
  }

  /** The implementation object of a component hosted here. */
  implementation<T>(token: Component<T>): (T & object) | undefined {
    return this.#hosted.get(token.name)?.instance as (T & object) | undefined // its class was type-checked against T
  }

  /** Hosted components that others may call, in dependency order. */
  get served(): readonly { readonly name: string; readonly binding: ComponentBinding; readonly instance: object }[] {
    return [...this.#hosted.values()].flatMap(({ name, binding, target }) =>
      binding === undefined ? [] : [{ name, binding, instance: target }],
    )
  }

  /**
   * Runs `init()` of each when the components that it refers to have started, here and elsewhere;
   * `onStarted` follows each. When the signal aborts, the remaining ones are not started.
   */
  async start(onStarted: (name: string) => void, signal?: AbortSignal): Promise<void> {
    const { log, startWaitMs, whenServed } = this.#options
    await startInOrder([...this.#hosted.values()], {
      start: async (hosted) => {
        try {
          await hosted.instance.init?.()
        } catch (cause) {
          throw new WeaverError('WEAVER_INIT_FAILED', `init() of "${hosted.name}" failed: ${reasonOf(cause)}`, { cause })
        }
        hosted.isStarted = true
        this.#started.push(hosted)
        onStarted(hosted.name)
      },
      whenServed,
      waitMs: startWaitMs,
      log,
      signal,
    })
  }

  /**
   * Runs `shutdown()` of each started component in reverse order of start; a failing one does not
   * prevent the others.
   * @returns true if all succeeded
   */
  async stop(): Promise<boolean> {
    let isClean = true
    for (let hosted = this.#started.pop(); hosted !== undefined; hosted = this.#started.pop()) {
      try {
        await hosted.instance.shutdown?.()
      } catch (error) {
        isClean = false
        this.#options.log.error('shutdown() failed; the others still get theirs', { component: hosted.name, err: error })
      }
      hosted.isStarted = false
    }
    return isClean
  }

  /**
   * Whether every hosted component has started, and its `health()`, if any, says that it is
   * healthy. Takes at most a second.
   */
  async isHealthy(): Promise<boolean> {
    const hosted = [...this.#hosted.values()]
    return hosted.every(({ isStarted }) => isStarted) && (await this.#health.areWell(hosted))
  }

  /**
   * @returns `undefined` for a component that is not in the generated file or cannot be
   * constructed; the reason is added to the problems
   */
  #construct(name: string): Hosted | undefined {
    const known = this.#hosted.get(name)
    if (known !== undefined || this.#failed.has(name)) return known
    const binding = this.#bindings.get(name)
    const create: (new () => object) | undefined = name === MAIN_COMPONENT ? this.#options.app : binding?.implementation.create
    if (create === undefined) return undefined
    const from = this.#constructing.indexOf(name)
    if (from >= 0) {
      this.#problems.add(
        new WeaverError(
          'WEAVER_COMPONENT_CYCLE',
          `components refer to each other in a circle: ${[...this.#constructing.slice(from), name].join(' → ')}. Break it: let one of them be called with what it needs.`,
        ),
      )
      return undefined
    }
    this.#constructing.push(name)
    const made: Made = { refs: new Set(), needs: new Set(), listeners: new Set(), isConfigured: false, isComplete: true }
    let instance: object & Hooks
    try {
      instance = constructWithin(this.#scope(name, made), () => new create())
    } catch (cause) {
      this.#failed.add(name)
      // A field that uses what could not be provided fails, too: report only the first reason.
      if (made.isComplete) this.#problems.add(constructError(name, cause))
      return undefined
    } finally {
      this.#constructing.pop()
    }
    const expected = binding ?? this.#options.gen.main
    this.#compare(name, 'refs', [made.refs, expected.refs])
    this.#compare(name, 'listeners', [made.listeners, expected.listeners])
    const leaderProblem = leaderProblemOf(name, instance, binding)
    if (leaderProblem !== undefined) this.#problems.add(leaderProblem)
    const hosted: Hosted = {
      name,
      instance,
      target: this.#target(instance, binding),
      binding,
      needs: made.needs,
      isConfigured: made.isConfigured,
      isStarted: false,
    }
    this.#hosted.set(name, hosted)
    return hosted
  }

  #isHosted(name: string): boolean {
    return this.#options.hosted?.has(name) ?? true
  }

  #scope(owner: string, made: Made): Parameters<typeof constructWithin>[0] {
    /** Placeholder for what cannot be provided; the reason is added to the problems. */
    const nothing = (): object => {
      made.isComplete = false
      return {}
    }
    return {
      ref: (token) => {
        made.refs.add(token.name)
        made.needs.add(token.name)
        return this.#resolve(token, owner) ?? nothing()
      },
      lazyRef: (token) => {
        made.refs.add(token.name)
        return this.#resolveLater(token, owner) ?? nothing()
      },
      optionalRef: (token) => {
        if (!this.#bindings.has(token.name)) return undefined
        made.refs.add(token.name)
        if (this.#isHosted(token.name)) made.needs.add(token.name)
        return this.#resolve(token, owner) ?? nothing()
      },
      listener: (name) => {
        if (this.#listeners.has(name)) this.#problems.add(`listener "${name}" is declared twice; each name may stand for one endpoint only`)
        made.listeners.add(name)
        const found = this.#options.listenerFor(name)
        this.#listeners.set(name, found)
        return found
      },
      config: (schema) => {
        made.isConfigured = true
        const parsed = parseConfig(schema, this.#options.configOf(owner))
        if ('value' in parsed) return parsed.value
        this.#problems.addOfConfig(owner, parsed.problems)
        return nothing()
      },
      logger: () => this.#options.log.with({ component: owner }),
    }
  }

  /** @returns `undefined` if it cannot be provided; the reason is added to the problems */
  #resolve(token: Component<unknown>, owner: string): unknown {
    const binding = this.#bindings.get(token.name)
    if (binding === undefined) {
      this.#problems.add(`"${owner}" refers to "${token.name}", which the generated file does not have; run \`weaver generate\``)
      return undefined
    }
    if (this.#isHosted(token.name)) {
      const hosted = this.#construct(token.name)
      return hosted === undefined ? undefined : binding.local(this.#gate(hosted, binding, owner), hosted.target)
    }
    if (this.#options.invoker === undefined) {
      this.#problems.add(`"${owner}" refers to "${token.name}", which is hosted elsewhere, but the deployer gave this process no broker`)
      return undefined
    }
    const calls = this.#options.invoker(binding, owner)
    const interceptors = this.#options.interceptors?.client ?? []
    return binding.stub(interceptors.length === 0 ? calls : interceptCalls(calls, { binding, caller: owner, interceptors }))
  }

  /** A stub that becomes the ref at its first call, when everything hosted is constructed. */
  #resolveLater(token: Component<unknown>, owner: string): unknown {
    const binding = this.#bindings.get(token.name)
    if (binding === undefined || !this.#isHosted(token.name)) return this.#resolve(token, owner) // it constructs nothing
    const hosted = (): Hosted | undefined => this.#hosted.get(token.name)
    const later: LocalTarget = {
      name: token.name,
      get target() {
        return hosted()?.target ?? {} // nothing is called before the start
      },
      get isStarted() {
        return hosted()?.isStarted === true
      },
    }
    const gate = this.#gate(later, binding, owner)
    return binding.stub({
      call(method, args) {
        gate.enter(method) // counts the call, as the forwarder would
        return gate.call(method, args)
      },
      stream: (method, args) => gate.stream(method, args),
    })
  }

  #gate(hosted: LocalTarget, binding: ComponentBinding, owner: string): LocalCalls {
    const gate = new LocalGate(hosted, binding, this.#localCaller(binding, owner))
    const interceptors = this.#options.interceptors?.client ?? []
    return interceptors.length === 0 ? gate : interceptLocalCalls(gate, { binding, caller: owner, interceptors })
  }

  #target(instance: object, binding: ComponentBinding | undefined): object {
    const interceptors = this.#options.interceptors?.server ?? []
    return binding === undefined || interceptors.length === 0 ? instance : interceptInstance(instance, { binding, interceptors })
  }

  #localCaller(binding: ComponentBinding, owner: string): LocalCaller {
    const { copyArgs, defaultTimeoutMs, invoker, isConnected = () => true, replica, routeTo, tracing } = this.#options
    const route = routeTo?.(binding.token)
    const caller = { component: owner, replica }
    return {
      caller,
      tracing,
      isCopied: copyArgs,
      defaultTimeoutMs,
      routed: route === undefined ? undefined : { route, calls: invoker?.(binding, owner), isConnected },
    }
  }

  #compare(name: string, what: string, [made, expected]: readonly [ReadonlySet<string>, readonly string[]]): void {
    const missing = expected.filter((e) => !made.has(e))
    const extra = [...made].filter((m) => !expected.includes(m))
    if (missing.length + extra.length === 0) return
    const parts = [
      extra.length > 0 ? `made ${extra.join(', ')} that the generated file does not know` : '',
      missing.length > 0 ? `did not make ${missing.join(', ')}` : '',
    ]
    this.#problems.add(
      `"${name}" ${parts.filter((part) => part !== '').join(' and ')} (${what}); run \`weaver generate\`, and create ${what} unconditionally, as fields`,
    )
  }
}

/** The option `leader` and the hook `lead()` are meaningless without each other. */
function leaderProblemOf(name: string, instance: Hooks, binding: ComponentBinding | undefined): string | undefined {
  const isMethod = binding?.methods.some((method) => method.name === 'lead') === true
  if (isMethod && binding?.token.options.leader === undefined) return undefined // it is a normal method
  if ((binding?.token.options.leader === undefined) === (instance.lead === undefined)) return undefined
  if (binding === undefined) return `"${name}" has lead(), but only a component can lead; move it into one with the option leader`
  return instance.lead === undefined
    ? `"${name}" has the option leader, but its class has no lead(); write one, or leave the option out`
    : `"${name}" has lead(), which never runs without the option leader; declare it by component('${name}', { leader: 'version' })`
}

function constructError(name: string, cause: unknown): WeaverError {
  if (isWeaverError(cause)) return cause
  const why = reasonOf(cause)
  const message = `the constructor of "${name}" failed: ${why}. Work that can fail belongs into init().`
  return new WeaverError('WEAVER_CONSTRUCT_FAILED', message, { cause })
}
