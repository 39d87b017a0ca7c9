import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { BenchError } from '../command.js'
import { READY, type Answer, type AnswerTo, type Question, type Reply, type Request } from './messages.js'

const CHILD = new URL('child.js', import.meta.url)
const PAGE_BYTES = 4_096

/** A process whose memory is looked at. */
export class Measured {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  readonly #failed: Promise<never>
  #next = 1

  private constructor(started: ChildProcess) {
    this.#process = started
    started.on('message', ({ id, answer }: Reply) => {
      this.#waiting.get(id)?.(answer)
      this.#waiting.delete(id)
    })
    this.#failed = once(started, 'exit').then(([code]) => {
      throw new BenchError(`a process ended with ${String(code)}; its error is above`)
    })
    this.#failed.catch(() => undefined) // whoever waits hears of it
  }

  static async start(role: 'serve' | 'call', natsUrl: string): Promise<Measured> {
    const started = new Measured(fork(CHILD, [role, natsUrl], { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }))
    await Promise.race([started.#answerTo(READY), started.#failed])
    return started
  }

  async ask<Q extends Question>(question: Q): Promise<AnswerTo<Q>> {
    const id = this.#next++
    const answer = this.#answerTo(id)
    this.#process.send({ id, question } satisfies Request)
    return (await Promise.race([answer, this.#failed])) as AnswerTo<Q> // child.ts answers so
  }

  /** Memory that the process takes of the machine, without asking it. */
  residentBytes(): number {
    return Number(readFileSync(`/proc/${this.#process.pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #answerTo(id: number): Promise<Answer> {
    return new Promise((resolve) => this.#waiting.set(id, resolve))
  }
}
