// A replica of a leader component as a deployer starts it: WEAVER_BOOTSTRAP says who it is. Its leader tells on stdout, every few milliseconds, that it works.
import { bind } from '../../../dist/component/binding.js'
import { component, implement } from '../../../dist/component/component.js'
import { run } from '../../../dist/weavelet/bootstrap.js'

const tell = (what, token) => process.stdout.write(`${JSON.stringify({ what, token, at: Date.now() })}\n`)
const Foreman = component('shop/Foreman', { leader: 'version' })
class ForemanImpl {
  #token = 0
  async lead({ token, signal }) {
    this.#token = token
    tell('leads', token)
    signal.addEventListener('abort', () => tell('signal', token))
    while (!signal.aborted) {
      tell('works', token)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  async token() {
    return this.#token
  }
}
const binding = bind({
  token: Foreman,
  implementation: implement(Foreman, ForemanImpl),
  refs: [],
  listeners: [],
  methods: [
    {
      name: 'token',
      encodeArgs: (w, args) => w.string(JSON.stringify(args)),
      decodeArgs: (r) => JSON.parse(r.string()),
      encodeResult: (w, result) => w.string(JSON.stringify(result)),
      decodeResult: (r) => JSON.parse(r.string()),
    },
  ],
  stub: () => ({}),
  local: (_, target) => target,
})
await run(class {}, { format: 2, fingerprint: 'ab'.repeat(32), main: { refs: [], listeners: [] }, components: () => [binding] })
