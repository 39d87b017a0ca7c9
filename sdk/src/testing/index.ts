// The door `@weaver/sdk/testing`.
export { construct } from '../component/construction.js'
export { deployerStatements, type DeployerStatement } from './deployer-conformance.js'
export type { DeployedProbe, DeployerAbility, DeployerUnderTest, ProbeOptions } from './deployer-under-test.js'
export { freePort, startNatsServer, type NatsServer } from './nats-server.js'
export { fake, type Fake } from './fake.js'
export { startTestDeployment, type TestDeployment, type TestDeploymentOptions } from './test-deployment.js'
export { RUNNERS, weaverTest, type Runner, type WeaverTest, type WeaverTestOptions } from './weaver-test.js'
