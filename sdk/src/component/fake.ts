import type { ComponentBinding, WeaverGen } from './binding.js'
import { implement, type Component } from './component.js'
import { WeaverError } from '../contract/errors.js'

/** An object that replaces a component's implementation in a test. */
export interface Fake {
  readonly component: string
  readonly instance: object
}

/** `fake(Cart, { add: async () => … })`: the object is called like the real one, also by RPC. */
export function fake<T>(token: Component<T>, instance: NoInfer<T> & object): Fake {
  return { component: token.name, instance }
}

/**
 * @throws WeaverError `WEAVER_TEST`: a fake for a component that the application does not have, or
 * two for one.
 */
export function withFakes(gen: WeaverGen, fakes: readonly Fake[]): WeaverGen {
  const byName = new Map<string, object>()
  const names = new Set(gen.components().map(({ token }) => token.name))
  for (const { component, instance } of fakes) {
    if (!names.has(component)) throw new WeaverError('WEAVER_TEST', `there is a fake for "${component}", which the application has not`)
    if (byName.has(component)) throw new WeaverError('WEAVER_TEST', `there are two fakes for "${component}"`)
    byName.set(component, instance)
  }
  return { ...gen, components: () => gen.components().map((binding) => faked(binding, byName.get(binding.token.name))) }
}

function faked(binding: ComponentBinding, instance: object | undefined): ComponentBinding {
  if (instance === undefined) return binding
  // A constructor may return the object that `new` yields.
  const create = function FakeImplementation() {
    return instance
  } as unknown as new () => object
  return { ...binding, implementation: implement(binding.token, create), refs: [], listeners: [] }
}
