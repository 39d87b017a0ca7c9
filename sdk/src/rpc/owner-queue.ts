/**
 * Calls to the owner of their key behind one that goes in parts. Parts are sent when the owner has said that it has room, and what is sent meanwhile would
 * overtake them: the order of calls with one key would be lost.
 */
export class OwnerQueue {
  readonly #underWay = new Map<string, Promise<void>>()

  /** What a call to this replica has to wait for, and then ask again: another large one may have come before it. `undefined`: nothing. */
  before(replica: string): Promise<void> | undefined {
    return this.#underWay.get(replica)
  }

  /** Others wait until what this returns is called. To be used when `before` has nothing. */
  begin(replica: string): () => void {
    let end = (): void => undefined
    const sent = new Promise<void>((resolve) => (end = resolve))
    this.#underWay.set(replica, sent)
    return () => {
      if (this.#underWay.get(replica) === sent) this.#underWay.delete(replica)
      end()
    }
  }
}
