/** The end of the head of the response to an upgrade: CR LF CR LF. */
const HEAD_END = [13, 10, 13, 10] as const
/** The position of the status in `HTTP/1.1 101`, and its digits. */
const STATUS_AT = 9
const SWITCHING = [0x31, 0x30, 0x31] as const

const OPCODES: ReadonlySet<number> = new Set([0, 1, 2, 8, 9, 10])
const CLOSE = 8
const LONGEST_CONTROL = 125

/**
 * Follows what a server writes to a WebSocket, to know where a frame ends: only there may another
 * one begin. It reads the head of each frame (RFC 6455, 5.2), skips the payload and stores no
 * bytes. If it is not a WebSocket, or a frame is invalid for a server, it loses track for good.
 */
export class WebSocketFrames {
  #state: 'answering' | 'open' | 'closed' | 'lost' = 'answering'
  /** Bytes of the handshake's response, and of its end. */
  #answered = 0
  #endSeen = 0
  /** Bytes of a frame's head seen so far. */
  #headAt = 0
  #opcode = 0
  /** Missing bytes of the length. */
  #lengthLeft = 0
  /** Remaining bytes of the payload; while the length is read, its value so far. */
  #payload = 0

  /**
   * Whether the handshake is answered, the server has not closed, and all of its frames are valid.
   */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Whether no frame is open. */
  get isBetweenFrames(): boolean {
    return this.isOpen && this.#headAt === 0 && this.#payload === 0
  }

  /** Call it with what the server has written. */
  take(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#state === 'answering')
        this.#takeAnswer(bytes[at++] as number) // in bounds
      else if (this.#state !== 'open') return
      else if (this.#headAt > 0 || this.#payload === 0)
        this.#takeHead(bytes[at++] as number) // in bounds
      else {
        const skipped = Math.min(this.#payload, bytes.length - at)
        this.#payload -= skipped
        at += skipped
      }
    }
  }

  /** Call it when the server has written something unknown. */
  lose(): void {
    this.#state = 'lost'
  }

  #takeAnswer(byte: number): void {
    const expected = SWITCHING[this.#answered++ - STATUS_AT]
    if (expected !== undefined && byte !== expected) return this.lose()
    if (byte === HEAD_END[this.#endSeen]) this.#endSeen++
    else this.#endSeen = byte === HEAD_END[0] ? 1 : 0
    if (this.#endSeen === HEAD_END.length) this.#state = 'open'
  }

  #takeHead(byte: number): void {
    if (this.#headAt === 0) this.#takeOpcode(byte)
    else if (this.#headAt === 1) this.#takeLength(byte)
    else {
      this.#payload = this.#payload * 256 + byte
      this.#lengthLeft--
    }
    this.#headAt++
    if (this.#headAt < 2 || this.#lengthLeft > 0) return
    this.#headAt = 0
    if (this.#opcode === CLOSE && this.isOpen) this.#state = 'closed'
  }

  #takeOpcode(byte: number): void {
    this.#opcode = byte & 0x0f
    const isWhole = (byte & 0x80) !== 0
    if (!OPCODES.has(this.#opcode) || (this.#opcode >= CLOSE && !isWhole)) this.lose()
  }

  #takeLength(byte: number): void {
    const isMasked = byte > 0x7f
    const length = byte & 0x7f
    if (isMasked || (this.#opcode >= CLOSE && length > LONGEST_CONTROL)) this.lose()
    this.#lengthLeft = length === 126 ? 2 : length === 127 ? 8 : 0
    this.#payload = this.#lengthLeft === 0 ? length : 0
  }
}
