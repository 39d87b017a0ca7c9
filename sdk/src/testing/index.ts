// The door `@weaver/sdk/test-support`, for tests of this repository's other packages: it exists in
// the sources alone, nothing of it is shipped. (`@weaver/sdk/testing` is the test kit of users.)
export { Leadership } from '../leader/leadership.js'
export { bindByHand, genByHand, startByHand } from './hand-made-app.js'
export { eventually } from './eventually.js'
export { isAlive } from './is-alive.js'
