/**
 * The Node environment of jest with a global object that V8 can see through. jest's own is "contextified": each look at `Math`, `Uint8Array` or `Promise` goes
 * through an interceptor, which makes code that does so in a loop many times slower than it is outside of the tests (an Ed25519 signature in JavaScript: 130 ms
 * in place of 4). Node has had contexts without since 22.8.
 */
const vm = require('node:vm')
const { TestEnvironment } = require('jest-environment-node')

module.exports = class extends TestEnvironment {
  constructor(...args) {
    const { createContext } = vm
    // The base class calls it once, without arguments, and offers no other way in.
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY)
    try {
      super(...args)
    } finally {
      vm.createContext = createContext
    }
  }
}
