import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../testing/eventually.js'
import type { LogFields, Logger } from '../../telemetry/logger.js'
import { startInOrder, type Startable } from './component-start.js'

const node = (name: string, ...needs: readonly string[]): Startable => ({ name, needs: new Set(needs) })

/** Other processes, of which the test says what they serve. */
function others() {
  const waiting = new Map<string, () => void>()
  const ended: string[] = []
  return {
    ended,
    asked: () => [...waiting.keys()].sort(),
    serve: (name: string) => waiting.get(name)?.(),
    whenServed: (name: string, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        waiting.set(name, resolve)
        signal.addEventListener('abort', () => {
          ended.push(name)
          reject(signal.reason as Error)
        })
      }),
  }
}

const until = (isSo: () => boolean) => eventually(isSo.toString(), isSo, { everyMs: 5 })

function recorder() {
  const started: string[] = []
  const logs: { readonly level: string; readonly fields: LogFields | undefined }[] = []
  const write = (level: string) => (_: string, fields?: LogFields) => void logs.push({ level, fields })
  const log: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), with: () => log }
  return {
    started,
    logs,
    log,
    start: async ({ name }: Startable) => {
      await sleep(1)
      started.push(name)
    },
  }
}

it('starts what waits for nobody in the given order, and asks about what other processes host', async () => {
  const { started, log, start } = recorder()
  const { whenServed, asked } = others()
  await startInOrder([node('a'), node('b', 'a'), node('c', 'b', 'a')], { start, whenServed, log })
  expect(started).toEqual(['a', 'b', 'c'])
  expect(asked()).toEqual([])
})

it('lets others pass while one waits for another process, and those that need that one wait with it', async () => {
  const { started, log, start } = recorder()
  const { whenServed, serve, asked, ended } = others()
  const all = startInOrder([node('far', 'x'), node('needs-far', 'far'), node('other'), node('needs-both', 'other', 'y')], {
    start,
    whenServed,
    log,
  })
  await until(() => started.length === 1 && asked().length === 2)
  expect(started).toEqual(['other'])
  expect(asked()).toEqual(['x', 'y'])
  serve('y')
  await until(() => started.length === 2)
  expect(started).toEqual(['other', 'needs-both'])
  serve('x')
  await all
  expect(started).toEqual(['other', 'needs-both', 'far', 'needs-far'])
  expect(ended.sort()).toEqual(['x', 'y']) // nobody listens any more
})

it('goes on in its order when the time is over, and says without whom', async () => {
  const { started, log, start, logs } = recorder()
  const { whenServed } = others()
  await startInOrder([node('far', 'x'), node('needs-far', 'far'), node('other')], { start, whenServed, log, waitMs: 50 })
  expect(started).toEqual(['other', 'far', 'needs-far'])
  expect(logs).toEqual([{ level: 'warn', fields: { components: ['x'], waitedMs: 50 } }])
})

it('waits for nobody where there is nobody to ask, or no time', async () => {
  const { started, log, start, logs } = recorder()
  const { whenServed } = others()
  await startInOrder([node('far', 'x')], { start, log })
  await startInOrder([node('farther', 'x')], { start, whenServed, log, waitMs: 0 })
  expect(started).toEqual(['far', 'farther'])
  expect(logs).toEqual([])
})

it('ends when the signal fires, also while it waits', async () => {
  const { started, log, start } = recorder()
  const { whenServed, ended } = others()
  const stop = new AbortController()
  const all = startInOrder([node('far', 'x'), node('other')], { start, whenServed, log, signal: stop.signal })
  await sleep(30)
  stop.abort()
  await all
  expect(started).toEqual(['other'])
  expect(ended).toEqual(['x'])
})

it('fails with the first that fails, and waits for nobody after it', async () => {
  const { log } = recorder()
  const { whenServed, ended } = others()
  const failing = startInOrder([node('far', 'x'), node('broken')], {
    start: () => Promise.reject(new Error('no disk')),
    whenServed,
    log,
  })
  await expect(failing).rejects.toThrow('no disk')
  expect(ended).toEqual(['x'])
})
