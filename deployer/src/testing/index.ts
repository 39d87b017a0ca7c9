// The door `@weaver/deployer/testing`, for tests of this repository: it exists in the sources
// alone, nothing of it is shipped.
export { movedPerMille } from './moved-keys.js'
