// One process of bench:memory: `child.js serve|call NATS_URL`, with --expose-gc.
import { isWeaverError } from '@weaver/sdk'
import { App } from '../app.js'
import { CALLERS } from '../rpc/measure.js'
import { TINY } from '../rpc/row.js'
import { startPart } from '../start-part.js'
import { READY, type Answer, type Question, type Reply, type Request } from './messages.js'

const [role, natsUrl = ''] = process.argv.slice(2)
await startPart(
  role === 'serve'
    ? { natsUrl, group: 'server', components: ['bench/Echo', 'bench/Slow'] }
    : { natsUrl, group: 'main', components: ['weaver/Main'] },
)

async function answer(question: Question): Promise<Answer> {
  switch (question.kind) {
    case 'live':
      return live()
    case 'calls':
      return calls(question.count)
    case 'flood':
      return flood(question)
  }
}

async function live(): Promise<number> {
  // What a finalizer lets go is collected by the next one.
  for (let i = 0; i < 3; i++) {
    gc?.()
    await turn()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function calls(count: number): Promise<number> {
  let left = count
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (left-- > 0) await app().echo.tiny(TINY)
    }),
  )
  return count
}

async function flood({ count, ms, perTurn }: Extract<Question, { readonly kind: 'flood' }>): Promise<Answer> {
  const ended: Record<string, number> = {}
  const note = (how: string): void => void (ended[how] = (ended[how] ?? 0) + 1)
  let waiting = 0
  await new Promise<void>((resolve) => {
    let sent = 0
    const settle = (how: string): void => {
      note(how)
      waiting--
      if (sent >= count && waiting === 0) resolve()
    }
    const send = (): void => {
      for (const until = Math.min(count, sent + perTurn); sent < until; sent++) {
        waiting++
        app()
          .slow.wait(ms)
          .then(
            () => settle('answered'),
            (error: unknown) => settle(isWeaverError(error) ? error.code : String(error)),
          )
      }
      if (sent < count) setImmediate(send)
    }
    send()
  })
  return ended
}

function app(): App {
  if (App.current === undefined) throw new Error('main() did not run')
  return App.current
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const reply = (id: number, found: Answer): void => void process.send?.({ id, answer: found } satisfies Reply)
process.on('message', ({ id, question }: Request) => void answer(question).then((found) => reply(id, found)))
process.on('disconnect', () => process.exit()) // nobody is left to stop it
reply(READY, 0)
