import type { LogEntry } from '@weaver/sdk/contract'

export interface LogField {
  readonly type: 'string' | 'google.protobuf.Timestamp' | 'map<string, string>'
  /** The value that an expression sees. Parts that an entry lacks are empty texts. */
  read(entry: LogEntry): unknown
}

/**
 * The fields of an entry in queries: Service Weaver's names, and Weaver's own beside them.
 * docs/observability.md explains each.
 */
export const LOG_FIELDS: Readonly<Record<string, LogField>> = {
  app: text(({ app }) => app),
  version: text(({ version }) => version),
  full_version: text(({ deploymentId }) => deploymentId),
  component: text(({ component }) => lastPart(component, '/')),
  full_component: text(({ component }) => component),
  group: text(({ group }) => group),
  node: text(({ replica }) => lastPart(replica, '-')),
  full_node: text(({ replica }) => replica),
  replica: text(({ replica }) => replica),
  time: { type: 'google.protobuf.Timestamp', read: ({ time }) => new Date(time) },
  level: text(({ level }) => level),
  source: text(({ source }) => source),
  msg: text(({ message }) => message),
  trace_id: text(({ traceId }) => traceId),
  span_id: text(({ spanId }) => spanId),
  attrs: {
    type: 'map<string, string>',
    read: ({ attributes }) => new Map(Object.entries(attributes).map(([name, value]) => [name, attributeText(value)])),
  },
}

function text(read: (entry: LogEntry) => string | undefined): LogField {
  return { type: 'string', read: (entry) => read(entry) ?? '' }
}

function lastPart(name: string | undefined, divider: string): string | undefined {
  return name?.slice(name.lastIndexOf(divider) + 1)
}

function attributeText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
