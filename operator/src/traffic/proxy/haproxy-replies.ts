/** Answers of HAProxy's command line, as values. Pure; HAProxy 2.6 to 3. */

/** `show map`: key to value. `undefined`: the process has no such map. */
export function parseMap(reply: string): ReadonlyMap<string, string> | undefined {
  if (reply.startsWith('Unknown map')) return undefined
  const entries = reply.split('\n').flatMap((line) => {
    const [, key, value] = /^0x[0-9a-f]+ (\S+) (.*)$/.exec(line) ?? []
    return key === undefined || value === undefined ? [] : [[key, value.trim()] as const]
  })
  return new Map(entries)
}

/** `show table`: the sum of a counter over all entries; 0 where the table does not count it. */
export function parseCounter(reply: string, counter: string): number {
  return [...reply.matchAll(new RegExp(` ${counter}=([0-9]+)`, 'g'))].reduce((sum, [, value]) => sum + Number(value), 0)
}

export interface ServerRow {
  readonly name: string
  readonly status: 'up' | 'down' | 'drain' | 'maint'
  /** Its last check passed; false before the first. */
  readonly isChecked: boolean
  /** Sessions at this moment. */
  readonly sessions: number
  /** `host:port`. */
  readonly address: string
}
export interface BackendRow {
  readonly servers: readonly ServerRow[]
  /** Sessions and queued requests. */
  readonly inFlight: number
  /** Since the process started. */
  readonly requests: number
}

/** `show stat`: backends by name. Rows of frontends are left out. */
export function parseStat(reply: string): ReadonlyMap<string, BackendRow> {
  const [head = '', ...lines] = reply.replace(/^# /, '').split('\n')
  const columns = head.split(',')
  const column = (row: readonly string[], name: string) => row[columns.indexOf(name)] ?? ''
  const number = (row: readonly string[], name: string) => Number(column(row, name) || 0)
  const backends = new Map<string, { servers: ServerRow[]; inFlight: number; requests: number }>()
  for (const row of lines.filter((l) => l !== '').map((l) => l.split(','))) {
    const server = column(row, 'svname')
    if (server === 'FRONTEND') continue
    const name = column(row, 'pxname')
    const backend = backends.get(name) ?? { servers: [], inFlight: 0, requests: 0 }
    backends.set(name, backend)
    if (server === 'BACKEND') {
      backend.inFlight = number(row, 'scur') + number(row, 'qcur')
      backend.requests = number(row, 'stot')
    } else
      backend.servers.push({
        name: server,
        status: statusOf(column(row, 'status')),
        isChecked: /^L[67]OKC?$/.test(column(row, 'check_status')),
        sessions: number(row, 'scur') + number(row, 'qcur'),
        address: column(row, 'addr'),
      })
  }
  return backends
}

/** `UP`, `UP 1/2`, `DOWN 1/2`, `no check`, `DRAIN`, `MAINT`, `MAINT (via …)`, `NOLB`. */
function statusOf(text: string): ServerRow['status'] {
  if (text.startsWith('MAINT')) return 'maint'
  if (text.startsWith('DRAIN')) return 'drain'
  return text.startsWith('UP') || text.startsWith('no check') ? 'up' : 'down'
}
