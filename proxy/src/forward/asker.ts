import type { BodySink } from '../http1/body.js'
import type { ResponseHead } from '../http1/response-head.js'
import type { TunnelEnd } from './tunnel.js'

/** Up to this, what is passed on is written as text, together with what is before it; longer pieces go by themselves. */
export const SMALL_PIECE: number = 16 * 1_024

/** The side of an exchange that asks: a connection of HTTP/1, or a stream of HTTP/2. Bytes that it is handed belong to the read of the moment: of pieces up to `SMALL_PIECE` it keeps a copy. */
export interface Asker extends BodySink {
  /** Bodies come without chunks. */
  readonly isDecoding: boolean
  /** An answer of status 1xx, before the final one. */
  interim(bytes: Buffer, from: number, head: ResponseHead): void
  head(bytes: Buffer, from: number, head: ResponseHead): void
  /** The end of what one read has brought. */
  flush(): void
  /** The answer is complete. */
  done(): void
  /** There is no answer of a backend: the proxy answers itself. Only before `head`. */
  fail(status: number, reason: string): void
  /** The answer breaks off: the client must see that it is not complete. Only after `head`. */
  cut(): void
  /** From now on bytes go both ways as they are. @param rest what the backend has said already */
  tunnel(backend: TunnelEnd, rest: Buffer, onClosed: () => void): void
  /** The request's body may be sent on; ends with a `flush` of the exchange. */
  resumeBody(): void
}
