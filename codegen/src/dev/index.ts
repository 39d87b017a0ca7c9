// The door `@weaver/codegen/dev`: for `weaver dev`. Unlike `@weaver/codegen`, it loads the compiler at once.
export type { Concern } from './concern.js'
export { DevBuild, type DevBuildResult } from './dev-build.js'
