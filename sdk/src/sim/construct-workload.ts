import type { Calls, ComponentBinding } from '../component/binding.js'
import type { Component } from '../component/component.js'
import { interceptCalls } from '../component/interceptor.js'
import { MAIN_COMPONENT } from '../contract/bootstrap.js'
import { WeaverError } from '../contract/errors.js'
import { createLogger } from '../telemetry/logger.js'
import { withFakes } from '../component/fake.js'
import { ComponentHost } from '../weavelet/hosting/component-host.js'
import type { BoundListener } from '../weavelet/listener/listener.js'
import { NoMain } from './world/replica.js'
import type { Subject } from './subject.js'
import { checkWorkload, type Operation, type Workload } from './workload.js'

/** Creates the workload; it calls components as main does. */
export function constructWorkload({ workload, weaver, interceptors }: Subject, callsOf: (binding: ComponentBinding) => Calls): Workload {
  const bindings = new Map(weaver.components().map((binding) => [binding.token.name, binding]))
  return new workload({
    get: <T>(token: Component<T>): T => {
      const binding = bindings.get(token.name)
      if (binding === undefined)
        throw new WeaverError('WEAVER_SIM_INVALID', `the workload asks for "${token.name}", which the generated file does not have`)
      const client = interceptors?.client ?? []
      const calls = callsOf(binding)
      const by = { binding, caller: MAIN_COMPONENT, interceptors: client }
      return binding.stub(client.length === 0 ? calls : interceptCalls(calls, by)) as T // the token's interface
    },
  })
}

/**
 * Constructs everything once, as a start would, and runs nothing.
 * @returns the operations of the workload
 * @throws WeaverError `WEAVER_SIM_INVALID`, and all that a start throws before anything runs, such
 * as `WEAVER_START_INVALID`
 */
export function checkSubject(subject: Subject, configSections: readonly string[]): readonly (readonly [string, Operation])[] {
  const neverCalled: Calls = {
    call: () =>
      Promise.reject(
        new WeaverError('WEAVER_SIM_INVALID', 'a constructor or fakes() of a workload calls a component; call it from init()'),
      ),
    stream: () => {
      throw new WeaverError('WEAVER_SIM_INVALID', 'a constructor or fakes() of a workload calls a component; call it from init()')
    },
  }
  const workload = constructWorkload(subject, () => neverCalled)
  const ops = checkWorkload(workload, subject.workload.name)
  const names = new Set(subject.weaver.components().map(({ token }) => token.name))
  for (const name of subject.durable)
    if (!names.has(name))
      throw new WeaverError('WEAVER_SIM_INVALID', `"${name}" is said to be durable, but the application has no such component`)
  const { served } = new ComponentHost({
    app: NoMain,
    gen: { ...withFakes(subject.weaver, workload.fakes?.() ?? []), main: { refs: [], listeners: [] } },
    replica: 'simulation',
    hosted: undefined,
    configOf: subject.configOf,
    configSections,
    listenerFor: unboundListener,
    invoker: undefined,
    tracing: undefined,
    copyArgs: false,
    interceptors: subject.interceptors,
    log: createLogger({ level: 'error', write: () => undefined }),
  })
  if (served.length === 0) throw new WeaverError('WEAVER_SIM_INVALID', 'the application has no component; run `weaver generate`')
  return ops
}

/** Traffic from outside is not simulated: the operations replace it. */
export function unboundListener(name: string): BoundListener {
  return {
    name,
    isBound: false,
    serve: () => Promise.resolve({ host: '127.0.0.1', port: 0 }),
    beginDrain: () => undefined,
    goodbye: () => 0,
    close: () => Promise.resolve(true),
  }
}
