import { component, implement } from '@weaver/sdk'

export interface Account {
  balance: number
  /** Counts the writes. */
  version: number
}

export interface Change {
  account: string
  balance: number
}

export interface Store {
  /**
   * One for each name, in its order; an account that nobody has written to is empty, and of version
   * 0.
   */
  read(accounts: string[]): Promise<Account[]>
  /** Whatever was there before. */
  write(changes: Change[]): Promise<void>
  /**
   * Writes all or nothing: nothing when one of the accounts is not of its version any more. Safe to
   * repeat: what was written under an id is not written again.
   * @returns whether it is written
   */
  compareAndSet(id: string, versions: number[], changes: Change[]): Promise<boolean>
  /** Whether a compareAndSet of this id has written. */
  isWritten(id: string): Promise<boolean>
}
export const Store = component<Store>('bank/Store')

/** Stands for a database: what it holds in memory would be on a disk. */
class StoreImpl implements Store {
  readonly accounts = new Map<string, Account>()
  /** Ids of changes. A database would forget them after a while. */
  readonly written = new Set<string>()

  async read(accounts: string[]): Promise<Account[]> {
    return accounts.map((account) => this.accounts.get(account) ?? { balance: 0, version: 0 })
  }

  async write(changes: Change[]): Promise<void> {
    for (const { account, balance } of changes)
      this.accounts.set(account, { balance, version: (this.accounts.get(account)?.version ?? 0) + 1 })
  }

  async compareAndSet(id: string, versions: number[], changes: Change[]): Promise<boolean> {
    if (this.written.has(id)) return true
    const now = await this.read(changes.map(({ account }) => account))
    if (now.some(({ version }, at) => version !== versions[at])) return false
    this.written.add(id)
    await this.write(changes)
    return true
  }

  async isWritten(id: string): Promise<boolean> {
    return this.written.has(id)
  }
}
export const storeImpl = implement(Store, StoreImpl)
