/** Numbers and times as people read them. Pure; used on the server and in the browser. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** `12 kB`, `3.4 MB`. */
export function bytes(count: number): string {
  let unit = 0
  let shown = count
  while (shown >= 999.5 && unit < UNITS.length - 1) {
    shown /= 1_000
    unit++
  }
  return `${short(shown)} ${UNITS[unit] ?? ''}`
}

/** `850 µs`, `3.4 ms`, `1.2 s`. */
export function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return '–'
  if (ms < 1) return `${short(ms * 1_000)} µs`
  return ms < 999.5 ? `${short(ms)} ms` : `${short(ms / 1_000)} s`
}

/** `12,345`. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** Three digits that mean something. */
export function short(value: number): string {
  return value >= 100 ? Math.round(value).toString() : Number(value.toPrecision(3)).toString()
}

/** `12 %`, `0.4 %`. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${short((100 * part) / whole)} %`
}

/** `3m`, `2h 5m`, as the tables of the command have it. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`
}

export function shortId(id: string): string {
  return id.slice(0, 8)
}
