/** The parts of a pod that commands read. */
export interface Pod {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly labels?: Readonly<Record<string, string>>
    readonly deletionTimestamp?: string
  }
  readonly spec: {
    readonly containers: readonly {
      readonly name: string
      readonly env?: readonly { readonly name: string; readonly value?: string }[]
    }[]
  }
  readonly status?: {
    readonly phase?: string
    readonly containerStatuses?: readonly {
      readonly name: string
      readonly restartCount: number
      readonly ready?: boolean
      readonly state?: Readonly<Record<string, unknown>>
    }[]
  }
}
