import { rawMux, rawRequest } from './raw-rows.js'
import type { Row } from './row.js'
import { weaverRow } from './weaver-row.js'

export const ROWS: Readonly<Record<string, Row>> = { mux: rawMux, request: rawRequest, weaver: weaverRow }
/** Every ratio is to this row. */
export const FLOOR = 'mux'
