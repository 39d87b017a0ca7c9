import { runInContext, NEVER } from '../context/context.js'
import type { LogEntry } from '../contract/logs.js'
import { safeJson } from '../contract/safe-json.js'
import { jsonLine, parseJsonLine, prettyPrinter } from '../contract/log-print.js'
import { createLogger, entrySink } from './logger.js'

function logged(body: (log: ReturnType<typeof createLogger>) => void, level: 'debug' | 'info' = 'info'): LogEntry[] {
  const entries: LogEntry[] = []
  body(
    createLogger(
      entrySink((entry) => void entries.push(entry), level),
      { app: 'shop', version: 'v1', deploymentId: 'shop-1', group: 'web', replica: 'web-0' },
    ),
  )
  return entries
}
function circleOf(): void {}
const TRACE = 'ab'.repeat(16)
const SPAN = 'cd'.repeat(8)

describe('a log entry', () => {
  it('has every field: who, when, where, in which trace, and the attributes', () => {
    const [entry] = runInContext({ signal: NEVER, metadata: {}, traceparent: `00-${TRACE}-${SPAN}-01` }, () =>
      logged((log) => log.with({ component: 'shop/Cart' }).info('item added', { sku: 'tea', count: 2 })),
    )
    expect(entry).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: 'info',
      message: 'item added',
      app: 'shop',
      version: 'v1',
      deploymentId: 'shop-1',
      group: 'web',
      replica: 'web-0',
      component: 'shop/Cart',
      source: expect.stringMatching(/\/log\.test\.[jt]s:\d+$/),
      traceId: TRACE,
      spanId: SPAN,
      attributes: { sku: 'tea', count: 2 },
    })
  })

  it('is not made below the level of its sink', () => {
    expect(logged((log) => log.debug('detail'))).toEqual([])
    expect(logged((log) => log.debug('detail'), 'debug')).toHaveLength(1)
  })

  it('survives as a line of JSON whatever its attributes are', () => {
    const circle: Record<string, unknown> = { name: 'ring' }
    circle['self'] = circle
    const [entry] = logged((log) =>
      log.error('failed', {
        circle,
        big: 2n ** 70n,
        level: 'mine',
        err: new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'E_INNER' }) }),
        thrower: { toJSON: () => { throw new Error('no') } }, // prettier-ignore
      }),
    )
    const line = jsonLine(entry as LogEntry)
    expect(line.endsWith('}\n')).toBe(true)
    const read = parseJsonLine(line.trimEnd())
    expect(read).toMatchObject({ level: 'error', message: 'failed', app: 'shop' })
    expect(read?.attributes).toMatchObject({
      big: '1180591620717411303424',
      _level: 'mine',
      err: { name: 'Error', message: 'outer', stack: expect.any(String), cause: { message: 'inner', code: 'E_INNER' } },
      circle: { name: 'ring', self: expect.stringContaining('[Circular') },
    })
    expect(read?.attributes).toHaveProperty('thrower')
  })

  it('keeps every attribute beside one that cannot be written, also where it is sent', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const hostile = new Proxy({}, { ownKeys: () => { throw new Error('no') }, get: () => { throw new Error('no') } }) // prettier-ignore
    const lost = {
      map: new Map([['a', 1]]),
      set: new Set([1]),
      nan: NaN,
      inf: -Infinity,
      fn: circleOf,
      date: new Date(0),
      bytes: Buffer.from('a'),
    }
    const [entry] = logged((log) => log.info('odd', { circle, hostile, ...lost, kept: { deep: 1n } }))
    const sent = JSON.parse(safeJson(entry)) as LogEntry
    expect(sent).toMatchObject({ level: 'info', message: 'odd', app: 'shop' })
    expect(sent.attributes).toEqual({
      circle: expect.stringContaining('[Circular'),
      hostile: expect.any(String),
      map: [['a', 1]],
      set: [1],
      nan: 'NaN',
      inf: '-Infinity',
      fn: '[Function: circleOf]',
      date: '1970-01-01T00:00:00.000Z',
      bytes: expect.anything(),
      kept: { deep: '1' },
    })
    expect(Object.keys(parseJsonLine(jsonLine(entry as LogEntry).trimEnd())?.attributes ?? {})).toEqual(Object.keys(sent.attributes))
  })

  it('takes errors as they are: of an AggregateError all, of a circle of causes an end', () => {
    const loop = new Error('loop')
    loop.cause = loop
    const many = new AggregateError([new Error('first'), 'second'], 'many')
    const [entry] = logged((log) => log.error('failed', { err: loop, many }))
    const attributes = parseJsonLine(jsonLine(entry as LogEntry).trimEnd())?.attributes
    expect(attributes).toMatchObject({
      err: { message: 'loop', cause: { message: 'loop' } },
      many: { errors: [{ message: 'first' }, 'second'] },
    })
    const text = prettyPrinter()(entry as LogEntry)
    expect(text).toContain('one of them: Error: first')
    expect(text.split('\n').length).toBeLessThan(1_000)
  })

  it('does not fail the code that logs', () => {
    const fields = { get broken(): string { throw new Error('from a getter') } } // prettier-ignore
    expect(logged((log) => log.with({ a: 1 }).info('asked', fields))).toMatchObject([
      { message: 'asked', attributes: { a: 1, notLogged: 'Error: from a getter' } },
    ])
    expect(logged((log) => log.info(new Error('as a message') as unknown as string))[0]?.message).toContain('Error: as a message')
  })

  it('of a line that is no entry is none', () => {
    for (const text of [
      '',
      'hello',
      '{',
      '{}',
      '[1]',
      '{"ts":"x","level":"loud","msg":"m"}',
      '{"ts":"x","level":"toString","msg":"m"}',
      '{"level":"info","msg":1,"ts":"x"}',
    ])
      expect([text, parseJsonLine(text)]).toEqual([text, undefined])
  })
})

const ENTRY: LogEntry = {
  time: '2026-11-24T04:05:06.123Z',
  level: 'info',
  message: 'item added',
  replica: 'web-0',
  component: 'shop/Cart',
  source: '/app/dist/cart.js:12',
  attributes: { sku: 'green tea', count: 2 },
}

describe('a line for people', () => {
  it('has columns that fit what they hold, and attributes in order', () => {
    const print = prettyPrinter({ showsReplica: true })
    expect(print(ENTRY)).toBe('04:05:06.123 I web-0    shop/Cart        cart.js:12   │ item added  count=2 sku="green tea"\n')
    expect(print({ ...ENTRY, component: 'a/quite/long/name/of/one', attributes: {} })).toContain('a/quite/long/name/of/one cart.js:12')
    expect(print({ ...ENTRY, attributes: {} })).toContain(`shop/Cart${' '.repeat(15)} cart.js:12`)
    expect(prettyPrinter()(ENTRY)).not.toContain('web-0')
  })

  it('has the columns of Service Weaver when told so: a line past the logger under the name of its stream, sources once there are any', () => {
    const print = prettyPrinter({ isDated: true })
    const { component: _, source: __, ...bare } = { ...ENTRY, replica: 'ac04576d', attributes: {} }
    expect(print({ ...bare, level: 'stdout', message: 'http listener available on 127.0.0.1:8080' })).toBe(
      'S1124 04:05:06.123 stdout ac04576d │ http listener available on 127.0.0.1:8080\n',
    )
    expect(print({ ...ENTRY, replica: 'ac04576d' })).toBe(
      'I1124 04:05:06.123 shop/Cart ac04576d cart.js:12 │ item added  count=2 sku="green tea"\n',
    )
    expect(print({ ...bare, level: 'warn', message: 'slow' })).toBe(`W1124 04:05:06.123 weaver    ac04576d ${' '.repeat(10)} │ slow\n`)
  })

  it('has colours only when told so: a hue for each name, red for errors, dim for the same second', () => {
    expect(prettyPrinter()({ ...ENTRY, level: 'error' })).not.toContain('\x1b[')
    const print = prettyPrinter({ isColored: true })
    expect(print({ ...ENTRY, level: 'error' }).startsWith('04:05:06.123 \x1b[91mE\x1b[39m ')).toBe(true)
    const hueOf = (component: string): string | undefined => /\[(\d+)m[a-z]+\/[A-Z]/.exec(print({ ...ENTRY, component }))?.[1]
    expect(hueOf('shop/Cart')).toBe(hueOf('shop/Cart'))
    expect(new Set(['shop/Cart', 'shop/Store', 'shop/Till', 'text/Reverser', 'text/Upper'].map(hueOf)).size).toBeGreaterThan(2)
    expect(print(ENTRY).startsWith('\x1b[2m04:05:06.123\x1b[22m ')).toBe(true)
  })

  it('shows control characters, and can be forged neither by a message nor by a name or a value', () => {
    const esc = '\x1b[2J'
    const print = (parts: Partial<LogEntry>): string => prettyPrinter({ showsReplica: true })({ ...ENTRY, attributes: {}, ...parts })
    expect(print({ message: `a\tb${esc}c\u009bd\r\n04:05:07.000 E forged` })).toMatch(
      /│ a\tb\\x1b\[2Jc\\x9bd\n {4}04:05:07\.000 E forged\n$/,
    )
    expect(print({ attributes: { a: `x${esc}`, [`k${esc}`]: 'v', c: ['\u009b'] } })).toMatch(
      /│ item added {2}a="x\\u001b\[2J" c=\["\\x9b"\] "k\\u001b\[2J"=v\n$/,
    )
    const names = print({ component: `c${esc}`, replica: 'r\n', source: `s${esc}`, time: `2026-11-24T${esc}` })
    expect([names.includes('\x1b'), names.trimEnd().includes('\n')]).toEqual([false, false])
    expect(print({ attributes: { err: { message: 'no', stack: `Error: no${esc}\n    at a` } } })).toContain('    Error: no\\x1b[2J\n')
  })

  it('shows the stack of an error below, with its causes, also when it came as JSON', () => {
    const [entry] = logged((log) => log.error('failed', { err: new Error('outer', { cause: new Error('inner') }) }))
    for (const one of [entry as LogEntry, parseJsonLine(jsonLine(entry as LogEntry).trimEnd()) as LogEntry]) {
      const lines = prettyPrinter()(one).split('\n')
      expect(lines[0]).toMatch(/│ failed {2}err="outer"$/)
      expect(lines[1]).toBe('    Error: outer')
      expect(lines.some((line) => line === '    caused by: Error: inner')).toBe(true)
    }
  })
})
