import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { listener, logger, ref, type Main } from '@weaver/sdk'
import { Bank } from './bank.js'

/**
 * `POST /deposit?to=ann&amount=5`, `/withdraw?from=ann&amount=5`,
 * `/transfer?from=ann&to=bob&amount=5`; `GET /?account=ann`.
 */
export class App implements Main {
  readonly bank = ref(Bank)
  readonly http = listener('bank')
  readonly log = logger()

  async main(): Promise<void> {
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://bank')
      this.#answer(`${request.method} ${pathname}`, searchParams).then(
        ([status, text]) => response.writeHead(status).end(`${text}\n`),
        (err: unknown) => {
          this.log.error('request failed', { err })
          response.writeHead(500).end('something went wrong\n')
        },
      )
    })
    await this.http.serve(server)
  }

  async #answer(what: string, params: URLSearchParams): Promise<readonly [status: number, text: string]> {
    const [from, to, account] = [params.get('from') ?? '', params.get('to') ?? '', params.get('account') ?? '']
    if (what === 'GET /') return [200, String(await this.bank.balance(account))]
    const amount = Number(params.get('amount'))
    if (!Number.isSafeInteger(amount) || amount < 1) return [400, 'amount is a whole number from 1']
    // A client that wants to repeat a request safely sends its own.
    const id = params.get('id') ?? randomUUID()
    try {
      if (what === 'POST /deposit') await this.bank.deposit(id, to, amount)
      else if (what === 'POST /withdraw') await this.bank.withdraw(id, from, amount)
      else if (what === 'POST /transfer') await this.bank.transfer(id, from, to, amount)
      else return [404, 'there is no such thing']
    } catch (error) {
      if (error instanceof Error && error.name === 'Overdrawn') return [409, error.message]
      throw error
    }
    return [200, 'done']
  }
}
