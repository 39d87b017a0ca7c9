// The door `@weaver/sdk/testing`.
export { construct } from '../component/construction.js'
export { freePort, startNatsServer, type NatsServer } from './nats-server.js'
export { startTestDeployment, type TestDeployment, type TestDeploymentOptions } from './test-deployment.js'
