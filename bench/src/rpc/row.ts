/** One way of making a call, in a server process and a client process. */
export interface Row {
  /** Shown in the table. */
  readonly title: string
  /** Begins to answer; resolves when the broker knows. */
  serve(natsUrl: string): Promise<void>
  /** Gives the two calls that are measured; each resolves with its answer. */
  connect(natsUrl: string): Promise<{ tiny(): Promise<unknown>; order(): Promise<unknown> }>
}

/** A tiny call carries this; rows of raw bytes send these bytes. */
export const TINY = 'benefit'
/** What rows of raw bytes send in place of the order. */
export const RAW_ORDER_BYTES = 1_200
