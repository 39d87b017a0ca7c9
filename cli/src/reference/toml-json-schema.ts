import { z } from 'zod'
import { DEPLOYER_SECTIONS } from '../config/deployer-sections.js'
import { APPLICATION_SECTIONS, applicationSchema, FOREIGN_SECTIONS } from '../config/weaver-toml-schema.js'

type JsonSchema = Record<string, unknown>

const DURATION = String.raw`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`

/**
 * The JSON Schema of weaver.toml, for editors (Taplo, Even Better TOML): made of the schema that
 * the command checks by. Sections of components are any tables, since what they take is known to
 * the application alone; `weaver config check` asks it.
 */
export function weaverTomlJsonSchema(): JsonSchema {
  const application = sectionSchema(applicationSchema)
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'weaver.toml',
    description: 'Configuration of a Weaver application and of its deployers.',
    type: 'object',
    properties: {
      ...Object.fromEntries(APPLICATION_SECTIONS.map((name) => [name, application])),
      ...Object.fromEntries(Object.entries(DEPLOYER_SECTIONS).map(([name, schema]) => [name, sectionSchema(schema)])),
      ...Object.fromEntries(FOREIGN_SECTIONS.map((name) => [name, { type: 'object' }])),
    },
    patternProperties: { '/': { type: 'object', description: 'Configuration of the component of that name.' } },
    additionalProperties: false,
  }
}

function sectionSchema(schema: z.ZodType): JsonSchema {
  const made: JsonSchema = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => plain(jsonSchema),
  })
  const { $schema: _, ...rest } = made
  return rest
}

/** What `meta` says for the reference, in the words of JSON Schema. */
function plain(schema: JsonSchema): void {
  const { byDefault, description, format } = schema
  if (typeof byDefault === 'string') schema['description'] = `${String(description)} Default: ${byDefault}.`
  delete schema['byDefault']
  delete schema['keyName']
  if (format !== 'duration') return
  delete schema['format'] // there it means ISO 8601
  schema['pattern'] = DURATION
}
