import { component, config, implement, ref } from '@weaver/sdk'
import { z } from 'zod'
import { Store, type Account } from './store.js'

/** There is not enough on an account. */
export class Overdrawn extends Error {
  override readonly name = 'Overdrawn'
  readonly account: string

  constructor(account: string) {
    super(`account "${account}" does not have that much`)
    this.account = account
  }
}

/** The `id` of an order is the caller's: one order that is given twice is done once. */
export interface Bank {
  balance(account: string): Promise<number>
  deposit(id: string, account: string, amount: number): Promise<void>
  withdraw(id: string, account: string, amount: number): Promise<void>
  transfer(id: string, from: string, to: string, amount: number): Promise<void>
}
export const Bank = component<Bank>('bank/Bank')

class BankImpl implements Bank {
  readonly store = ref(Store)
  readonly options = config(z.strictObject({ update: z.enum(['compare-and-set', 'read-then-write']).default('compare-and-set') }))

  async balance(account: string): Promise<number> {
    const [{ balance } = { balance: 0 }] = await this.store.read([account])
    return balance
  }

  deposit(id: string, account: string, amount: number): Promise<void> {
    return this.#update(id, new Map([[account, amount]]))
  }

  withdraw(id: string, account: string, amount: number): Promise<void> {
    return this.#update(id, new Map([[account, -amount]]))
  }

  async transfer(id: string, from: string, to: string, amount: number): Promise<void> {
    if (from === to) return
    await this.#update(
      id,
      new Map([
        [from, -amount],
        [to, amount],
      ]),
    )
  }

  /** Adds to balances, all at once. */
  async #update(id: string, amounts: ReadonlyMap<string, number>): Promise<void> {
    const accounts = [...amounts.keys()]
    for (;;) {
      const before = await this.store.read(accounts)
      const changes = accounts.map((account, at) => {
        const { balance } = before[at] as Account // one for each
        return { account, balance: balance + (amounts.get(account) ?? 0) }
      })
      const overdrawn = changes.find(({ account, balance }) => balance < 0 && (amounts.get(account) ?? 0) < 0)
      if (overdrawn !== undefined) {
        // Perhaps by this very order: a call whose answer was lost is made again. The simulator
        // found it.
        if (await this.store.isWritten(id)) return
        throw new Overdrawn(overdrawn.account)
      }
      if (this.options.update === 'read-then-write') {
        // The planted bug: what another update has written since the read is lost.
        return this.store.write(changes)
      }
      const versions = before.map(({ version }) => version)
      if (await this.store.compareAndSet(id, versions, changes)) return
    }
  }
}
export const bankImpl = implement(Bank, BankImpl)
