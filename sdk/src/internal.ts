// The door `@weaver/sdk/internal`: for generated code and for the deployers in this repository. No promise of stability.
export {
  bind,
  WEAVER_GEN_FORMAT,
  type ComponentBinding,
  type Invoke,
  type MethodBinding,
  type MethodIndex,
  type WeaverGen,
} from './component/binding.js'
export { Reader } from './codec/reader.js'
export { Writer } from './codec/writer.js'
