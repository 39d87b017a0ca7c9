/** Where the processes of a row meet. */
export interface Meeting {
  readonly natsUrl: string
  /** Free, on loopback, for a row that needs no broker. */
  readonly port: number
}

export const PAYLOADS = ['tiny', 'order'] as const
export type Payload = (typeof PAYLOADS)[number]

/** One way of making a call, in a server process and a client process. */
export interface Row {
  /** Begins to answer; resolves when it can be called. */
  serve(at: Meeting): Promise<void>
  /** Gives the two calls that are measured; each resolves with its answer. */
  connect(at: Meeting): Promise<Readonly<Record<Payload, () => Promise<unknown>>>>
}

/** A row that brings its own processes. */
export interface OwnProcessesRow {
  /** What takes its time and need not be done for each run. @throws RowUnavailable */
  prepare(): Promise<void>
  measure(payload: Payload, seconds: number): Promise<Figures>
}

/** What one run of one row gave. */
export interface Figures {
  /** Calls in a second with 64 callers. */
  readonly callsPerSecond: number
  /** Median latency of a single caller, microseconds. */
  readonly p50Us: number
  /** 99th percentile with 64 callers, microseconds. */
  readonly p99Us: number
  /** CPU of one call with 64 callers, microseconds, by who spent it. */
  readonly clientCpuUs: number
  readonly serverCpuUs: number
  readonly brokerCpuUs: number
  /** Cores that other processes of the machine used meanwhile. */
  readonly foreignCores: number
}

/** The row cannot run on this machine; the others can. */
export class RowUnavailable extends Error {
  override readonly name = 'RowUnavailable'
}

/** A tiny call carries this; rows of raw bytes send these bytes. */
export const TINY = 'benefit'
/** What rows of raw bytes send in place of the order. */
export const RAW_ORDER_BYTES = 1_200
