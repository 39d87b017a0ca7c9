// A replica of a routed component as a deployer starts it: WEAVER_BOOTSTRAP says who it is. Its bindings are what `weaver generate` would write.
import { bind } from '../../../dist/component/binding.js'
import { component, implement } from '../../../dist/component/component.js'
import { run } from '../../../dist/weavelet/bootstrap.js'
import { deployment } from '../../../dist/context/deployment.js'

const Cache = component('shop/Cache', { router: { get: (key) => key } })
class CacheImpl {
  async get() {
    return deployment().replica
  }
  /** An item each 20 ms, so many. */
  async *ticks(count) {
    for (let i = 0; i < count; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      yield i
    }
  }
}
const binding = bind({
  token: Cache,
  implementation: implement(Cache, CacheImpl),
  refs: [],
  listeners: [],
  methods: [
    {
      name: 'get',
      encodeArgs: (w, [key]) => w.string(key),
      decodeArgs: (r) => [r.string()],
      encodeResult: (w, who) => w.string(who),
      decodeResult: (r) => r.string(),
    },
    {
      name: 'ticks',
      encodeArgs: (w, [count]) => w.number(count),
      decodeArgs: (r) => [r.number()],
      encodeResult: (w, item) => w.number(item),
      decodeResult: (r) => r.number(),
      isStream: true,
    },
  ],
  stub: () => ({}),
  local: (_, target) => target,
})
await run(class {}, { format: 2, fingerprint: 'aa'.repeat(32), main: { refs: [], listeners: [] }, components: () => [binding] })
