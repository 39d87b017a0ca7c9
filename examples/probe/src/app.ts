import { once } from 'node:events'
import { createServer } from 'node:http'
import { config, listener, logger, ref, withContext, type Life, type Main } from '@weaver/sdk'
import { Back, identity, Middle, PART_CONFIG, Store } from './parts.js'

/**
 * Answers questions of the conformance suite (`DeployerStatement` of `@weaver/sdk/testing`) as
 * JSON.
 */
export class App implements Main {
  readonly back = ref(Back)
  readonly middle = ref(Middle)
  readonly store = ref(Store)
  readonly http = listener('probe')
  readonly options = config(PART_CONFIG)
  readonly log = logger()

  async main({ signal }: Life): Promise<void> {
    const startedAt = Date.now()
    this.log.info('probe started', { pid: process.pid })
    const questions: Readonly<Record<string, (ask: URLSearchParams) => Promise<unknown>>> = {
      '/chain': async () => [identity('weaver/Main', this.options, startedAt), await this.middle.who(), await this.middle.back()],
      '/started': () => this.middle.metAtStart(),
      '/back': () => withContext({ timeoutMs: 20_000 }, () => this.back.who()),
      '/slow': (ask) => this.back.slow(Number(ask.get('ms'))),
      '/die': () => this.back.die(),
      '/say': (ask) => this.back.say(ask.get('text') ?? ''),
      '/keys': (ask) => Promise.all(Array.from({ length: Number(ask.get('count')) }, (_, at) => this.store.keep(`key-${at}`))),
    }
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://probe')
      const question = questions[pathname]
      const send = (status: number, body: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? null))
      }
      if (question === undefined) return send(404, { questions: Object.keys(questions) })
      question(searchParams).then(
        (answer) => send(200, answer),
        (error: Error & { readonly code?: string }) => send(503, { name: error.name, code: error.code, message: error.message }),
      )
    })
    await this.http.serve(server)
    if (!signal.aborted) await once(signal, 'abort')
    this.log.info('probe stopped', { pid: process.pid })
  }
}
