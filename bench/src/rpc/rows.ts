import { rawMux, rawRequest } from './raw-rows.js'
import type { Row } from './row.js'
import { weaverRow, weaverTracedRow, weaverUncountedRow } from './weaver-row.js'

export const ROWS: Readonly<Record<string, Row>> = {
  mux: rawMux,
  request: rawRequest,
  weaver: weaverRow,
  'weaver-uncounted': weaverUncountedRow,
  'weaver-traced': weaverTracedRow,
}
/** Every ratio is to this row. */
export const FLOOR = 'mux'
