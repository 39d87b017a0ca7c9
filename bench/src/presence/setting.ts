import type { Logger } from '@weaver/sdk'

export const DEPLOYMENT = 'bench-presence'
const nothing = (): void => undefined
export const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, with: () => SILENT }
