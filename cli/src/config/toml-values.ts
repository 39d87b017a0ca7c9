/** Values that several sections of weaver.toml have. */
import { z } from 'zod'

export const text = z.string().min(1)
export const duration = text.meta({ format: 'duration' })
/** Of a group. */
export const processes = z.int().min(1).max(64)
