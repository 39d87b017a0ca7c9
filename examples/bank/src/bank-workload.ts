import { isWeaverError } from '@weaver/sdk'
import { op, type SimulatedApp, type Workload } from '@weaver/sdk/sim'
import { constantFrom, integer } from 'fast-check'
import { Bank } from './bank.js'

const ACCOUNTS = ['ann', 'bob', 'eve']
const account = constantFrom(...ACCOUNTS)
const amount = integer({ min: 1, max: 100 })

/** Money is moved about, and none may be lost or come from nowhere. */
export class BankWorkload implements Workload {
  readonly bank: Bank
  orders = 0
  /**
   * What the accounts hold together lies between these two: an order whose answer was lost may have
   * been done.
   */
  least = 0
  most = 0

  constructor(app: SimulatedApp) {
    this.bank = app.get(Bank)
  }

  readonly ops = {
    deposit: op([account, amount], (to, n) => this.#order(n, (id) => this.bank.deposit(id, to, n)), { weight: 3 }),
    withdraw: op([account, amount], (from, n) => this.#order(-n, (id) => this.bank.withdraw(id, from, n))),
    transfer: op([account, account, amount], (from, to, n) => this.#order(0, (id) => this.bank.transfer(id, from, to, n)), { weight: 3 }),
  }

  async end(): Promise<void> {
    let total = 0
    for (const account of ACCOUNTS) total += await this.bank.balance(account)
    if (total < this.least || total > this.most)
      throw new Error(
        `the accounts hold ${total}, and ${this.least === this.most ? this.least : `${this.least} to ${this.most}`} is theirs`,
      )
  }

  /** @param change of what all accounts hold together */
  async #order(change: number, give: (id: string) => Promise<void>): Promise<void> {
    this.orders += 1
    try {
      await give(String(this.orders))
      this.least += change
      this.most += change
    } catch (error) {
      if (isOverdrawn(error)) return
      if (!isWeaverError(error)) throw error
      this.least += Math.min(0, change)
      this.most += Math.max(0, change)
    }
  }
}

function isOverdrawn(error: unknown): boolean {
  return error instanceof Error && error.name === 'Overdrawn'
}
