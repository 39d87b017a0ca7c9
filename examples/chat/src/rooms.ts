import { EventEmitter, once } from 'node:events'
import { component, config, context, implement } from '@weaver/sdk'
import { z } from 'zod'

export interface Message {
  /** 1, 2, … in each room. */
  id: number
  author: string
  text: string
}

export interface Rooms {
  post(room: string, author: string, text: string): Promise<Message>
  /**
   * The messages of a room after the one with this number, as far as they are kept, and then those
   * that come. Ends when its reader leaves.
   */
  follow(room: string, after: number): AsyncIterable<Message>
}
/**
 * A room lives in the memory of one replica. Posting twice is saying it twice, so a post is never
 * tried again by itself.
 */
export const Rooms = component<Rooms>('chat/Rooms', {
  router: { post: (room) => room, follow: (room) => room },
  notRetriable: ['post'],
})

class RoomsImpl implements Rooms {
  readonly options = config(z.strictObject({ keep: z.number().int().positive().default(100) }))
  /** The last messages of each room, oldest first. */
  readonly rooms = new Map<string, Message[]>()
  /** An event for each message, named after its room. */
  readonly posted = new EventEmitter().setMaxListeners(0)

  async post(room: string, author: string, text: string): Promise<Message> {
    const messages = this.rooms.get(room) ?? []
    const message = { id: (messages.at(-1)?.id ?? 0) + 1, author, text }
    messages.push(message)
    if (messages.length > this.options.keep) messages.shift()
    this.rooms.set(room, messages)
    this.posted.emit(room)
    return message
  }

  async *follow(room: string, after: number): AsyncIterable<Message> {
    const { signal } = context()
    const lastId = (): number => this.rooms.get(room)?.at(-1)?.id ?? 0
    // A number from a replica that is gone says nothing here.
    let seen = after > lastId() ? 0 : after
    // No queue for each reader: one that is slow misses what is not kept any more, and costs
    // nothing.
    while (!signal.aborted) {
      const next = this.rooms.get(room)?.find(({ id }) => id > seen)
      if (next !== undefined) {
        seen = next.id
        yield next
      } else await once(this.posted, room, { signal }).catch(ignoreAbort)
    }
  }
}
export const roomsImpl = implement(Rooms, RoomsImpl)

/** The reader left: that is how a stream without an end ends. */
function ignoreAbort(error: unknown): void {
  if (!context().signal.aborted) throw error
}
