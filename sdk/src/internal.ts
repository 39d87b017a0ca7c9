// The door `@weaver/sdk/internal`: for generated code and for the deployers in this repository. No promise of stability.
export { isDate, isMap, isSet, isUint8Array } from 'node:util/types'
export { Reader } from './codec/reader.js'
export {
  isBuffer,
  isPlainObject,
  literalAt,
  literalIndex,
  memberError,
  setKey,
  tagError,
  typedArrayBytes,
  typedArrayOf,
  unionError,
} from './codec/union.js'
export { Writer } from './codec/writer.js'
export {
  bind,
  WEAVER_GEN_FORMAT,
  type ComponentBinding,
  type Calls,
  type LocalCalls,
  type MethodBinding,
  type MethodIndex,
  type StreamInput,
  type WeaverGen,
} from './component/binding.js'
export { fake, withFakes, type Fake } from './component/fake.js'
export type { InstanceOf, PlainOf, SentBuffer } from './component/sent.js'
export { configJsonSchema, type DescribedConfigSchema, type JsonSchema } from './config/config-json-schema.js'
export { parseConfig } from './config/parse-config.js'
export { Presence, type PresenceOptions } from './routing/presence.js'
export { isRouted } from './routing/routing.js'
export { connectNats } from './rpc/transport/connect-nats.js'
export { answerOf, createNkey, NKEY_ROLE, nkeyFromSeed } from './rpc/transport/nkey.js'
export type { NatsTransportOptions } from './rpc/transport/nats-transport.js'
export type { Transport } from './rpc/transport/transport.js'
export { createLogger, entrySink, type LogSink } from './telemetry/logger.js'
export { serveControlSocket } from './weavelet/control/control-server.js'
export { startWeavelet } from './weavelet/start-weavelet.js'
export type { Weavelet } from './weavelet/weavelet.js'
export { withPackages } from './component/merge-packages.js'
export { parseAppConfig } from './config/app-config.js'
