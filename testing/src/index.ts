// The door `@weaver/testing`, which is `@weaver/sdk/testing` as well.
export { freePort } from '@weaver/deployer'
export { construct } from '@weaver/sdk'
export { fake, type Fake } from '@weaver/sdk/internal'
export { deployerStatements, type DeployerStatement } from './deployer-conformance.js'
export type { DeployedProbe, DeployerAbility, DeployerUnderTest, ProbeOptions } from './deployer-under-test.js'
export { startNatsServer, type NatsServer } from './nats-server.js'
export { startTestDeployment, type TestDeployment, type TestDeploymentOptions } from './test-deployment.js'
export { RUNNERS, weaverTest, type Runner, type WeaverTest, type WeaverTestOptions } from './weaver-test.js'
