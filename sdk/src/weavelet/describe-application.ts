/** The application's side of a describe run (contract/describe-run.ts). */
import { writeFileSync } from 'node:fs'
import type { WeaverGen } from '../component/binding.js'
import type { Component, Main } from '../component/component.js'
import { constructWithin, type ConfigSchema } from '../component/construction.js'
import { configJsonSchema, type JsonSchema } from '../config/config-json-schema.js'
import { MAIN_COMPONENT } from '../contract/bootstrap.js'
import { buildDescription, parseDescribeRequest, type Description } from '../contract/describe-run.js'
import { reasonOf } from '../contract/errors.js'
import type { Logger } from '../telemetry/logger.js'

/** Writes the requested description. @throws WeaverError `WEAVER_BOOTSTRAP_INVALID` */
export function answerDescribeRequest(text: string, app: new () => Main, gen: WeaverGen): void {
  const { file, components } = parseDescribeRequest(text)
  writeFileSync(file, JSON.stringify(describeApplication(app, gen, components)))
}

/**
 * Constructs these components, each up to its `config()` field; none of their hooks and methods
 * runs.
 */
export function describeApplication(app: new () => Main, gen: WeaverGen, components: readonly string[]): Description {
  const classes = new Map<string, new () => object>(
    gen.components().map(({ token, implementation }) => [token.name, implementation.create]),
  )
  classes.set(MAIN_COMPONENT, app)
  const config: Record<string, JsonSchema> = {}
  const problems: string[] = []
  const warnings: string[] = []
  for (const name of components) {
    const create = classes.get(name)
    if (create === undefined) {
      problems.push(`component "${name}" is not in this build; run \`weaver generate\` and build again`)
      continue
    }
    const taken = takeSchema(name, create)
    if ('problem' in taken) {
      problems.push(taken.problem)
      continue
    }
    const found = configJsonSchema(taken.schema)
    if (found === undefined) continue
    if ('problems' in found) problems.push(...found.problems.map((problem) => `config() of component "${name}": ${problem}`))
    else {
      config[name] = found.schema
      warnings.push(...found.warnings.map((warning) => `config() of component "${name}": ${warning}`))
    }
  }
  return buildDescription({ fingerprint: gen.fingerprint, config, problems, ...(warnings.length === 0 ? {} : { warnings }) })
}

/** Ends a construction; code after the field could only have side effects. */
class SchemaTaken extends Error {}

function takeSchema(name: string, create: new () => object): { readonly schema: ConfigSchema<unknown> } | { readonly problem: string } {
  let schema: ConfigSchema<unknown> | undefined
  try {
    constructWithin(
      {
        ref: unusable,
        lazyRef: unusable,
        optionalRef: unusable,
        listener: (of) => ({ name: of, serve: () => Promise.reject(new Error(`listener "${of}" cannot serve while the application is described`)) }), // prettier-ignore
        config: (given) => {
          schema = given
          throw new SchemaTaken()
        },
        logger: () => SILENT,
      },
      () => new create(),
    )
  } catch (error) {
    if (!(error instanceof SchemaTaken))
      return {
        problem: `component "${name}" cannot be constructed to be described: ${reasonOf(error)}; fields and constructors must do nothing but keep what they are given`,
      }
  }
  return schema === undefined ? { problem: `component "${name}" has no config() field in this build; build again` } : { schema }
}

/** A ref that may be stored, but not called. */
function unusable({ name }: Component<unknown>): object {
  return new Proxy(
    {},
    {
      get: (_, method) => {
        if (typeof method === 'symbol' || method === 'then') return undefined
        return () => {
          throw new Error(`"${name}.${method}" is called in a field or a constructor, before the component has started; call it in init()`)
        }
      },
    },
  )
}

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => SILENT,
}
