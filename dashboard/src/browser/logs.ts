/**
 * The log in the browser: draws the rows that the window shows, asks for those that it does not
 * have, and follows the newest.
 *
 * I1  The page holds a few thousand rows, however many there are.
 * I2  Beyond MAX_HEIGHT, which browsers cannot scroll, the scroll bar is a share of all rows.
 */
import { hydrate, render } from 'preact'
import type { LogRow, LogSummary } from '../logs/log-view.js'
import { formatChoice } from '../views/log-choice.js'
import { logsView, type LogsState, type LogWindow } from '../views/logs.js'
import { pathOf } from '../views/frame.js'
import { troubleOf } from './live.js'

/** As in dashboard.css. */
const ROW_PX = 22
const MAX_HEIGHT = 8_000_000
const PIECE = 200
const MAX_HELD = 4_000

const root = document.getElementById('page')
const text = document.getElementById('state')?.textContent
if (root !== null && text !== undefined && text !== null) start(root, JSON.parse(text) as LogsState)

function start(page: HTMLElement, first: LogsState): void {
  hydrate(logsView(first), page)
  if (first.summary === undefined) return
  const base = pathOf(first.deployment.key, '/logs')
  const search = formatChoice(first.choice)
  const held = new Map(first.rows.map((row) => [row.row, row]))
  let { summary, deployment } = { ...first, summary: first.summary }
  let at: LogWindow = { isFollowing: true }
  let notice = ''
  let dropped = 0
  let frame: number | undefined
  let asked: AbortController | undefined

  const log = (): HTMLElement | null => document.getElementById('log')
  const rowsHeld = (): number => summary.total - summary.first

  /** Pixels from the first row to the top of the window. */
  const offsetOf = (element: HTMLElement): number => {
    const full = rowsHeld() * ROW_PX
    if (full <= MAX_HEIGHT) return element.scrollTop
    return (element.scrollTop / (MAX_HEIGHT - element.clientHeight)) * (full - element.clientHeight) // I2
  }
  const scrollTo = (element: HTMLElement, offset: number): void => {
    const full = rowsHeld() * ROW_PX
    const share = full <= MAX_HEIGHT ? 1 : (MAX_HEIGHT - element.clientHeight) / (full - element.clientHeight)
    element.scrollTop = offset * share
  }

  const draw = (): void => {
    frame = undefined
    const element = log()
    const height = element?.clientHeight ?? 600
    const full = rowsHeld() * ROW_PX
    if (element !== null) {
      const space = document.getElementById('space')
      if (space !== null) space.style.height = `${Math.min(full, MAX_HEIGHT)}px`
      if (at.isFollowing) element.scrollTop = element.scrollHeight
    }
    const offset = element === null ? Math.max(0, full - height) : offsetOf(element)
    const top = summary.first + Math.floor(offset / ROW_PX)
    const bottom = Math.min(summary.total, top + Math.ceil(height / ROW_PX) + 1)
    const rows: LogRow[] = []
    for (let row = top; row < bottom; row++) rows.push(held.get(row) ?? { row })
    render(logsView({ ...first, deployment, summary, rows }, notice, at), page)
    const shown = document.getElementById('rows')
    if (shown !== null) shown.style.transform = `translateY(${(top - summary.first) * ROW_PX - offset}px)`
    if (element === null && log() !== null) return redraw() // now there is a window, with a height
    if (rows.some(({ row }) => !held.has(row))) void fetchAround(top, bottom)
  }
  const redraw = (): void => {
    frame ??= requestAnimationFrame(draw)
  }

  const hold = (rows: readonly LogRow[], near: number): void => {
    for (const row of rows) held.set(row.row, row)
    if (held.size > MAX_HELD) for (const row of held.keys()) if (Math.abs(row - near) > MAX_HELD / 4) held.delete(row) // I1
  }

  /** One request at a time; the next draw asks for what is missing then. */
  const fetchAround = async (top: number, bottom: number): Promise<void> => {
    if (asked !== undefined) return
    asked = new AbortController()
    const from = Math.max(summary.first, top - Math.floor((PIECE - (bottom - top)) / 2))
    try {
      const query = new URLSearchParams(search)
      query.set('from', String(from))
      query.set('count', String(Math.max(PIECE, bottom - top)))
      const response = await fetch(`${base}/rows?${query.toString()}`, { signal: asked.signal })
      if (!response.ok) throw new Error(`status ${response.status}`)
      const answer = (await response.json()) as LogSummary & { readonly rows: readonly LogRow[] }
      take(answer)
      hold(answer.rows, top)
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1_000)) // the notice of the stream says why
    } finally {
      asked = undefined
      redraw()
    }
  }

  const take = (next: LogSummary): void => {
    if (next.epoch !== summary.epoch) held.clear()
    summary = next
  }

  const events = new EventSource(`${base}/events${search}`)
  events.addEventListener('state', ({ data }: MessageEvent<string>) => {
    const { deployment: now, ...next } = JSON.parse(data) as LogSummary & Pick<LogsState, 'deployment'>
    take(next)
    deployment = now
    notice = dropped > 0 ? `${dropped} new entries came faster than this page reads; they are in the list` : ''
    redraw()
  })
  events.addEventListener('lines', ({ data }: MessageEvent<string>) => {
    const { epoch, rows } = JSON.parse(data) as { readonly epoch: string; readonly rows: readonly LogRow[] }
    if (epoch === summary.epoch) hold(rows, rows.at(-1)?.row ?? 0)
    redraw()
  })
  events.addEventListener('dropped', ({ data }: MessageEvent<string>) => {
    dropped += (JSON.parse(data) as { readonly count: number }).count
  })
  events.addEventListener('ended', () => {
    notice = 'This deployment has ended; its entries are still here.'
    redraw()
  })
  events.addEventListener('error', () => {
    notice = troubleOf(events)
    redraw()
  })

  const moveTo = (row: number): void => {
    const element = log()
    if (element === null) return
    const active = Math.min(summary.total - 1, Math.max(summary.first, row))
    const offset = (active - summary.first) * ROW_PX
    const from = offsetOf(element)
    if (offset < from) scrollTo(element, offset)
    else if (offset + ROW_PX > from + element.clientHeight) scrollTo(element, offset + ROW_PX - element.clientHeight)
    at = { ...at, active, isFollowing: active === summary.total - 1 }
    redraw()
  }
  const show = (row: number | undefined): void => {
    const opened = row === undefined ? undefined : held.get(row)
    const { opened: _opened, ...rest } = at
    at = { ...rest, ...(row === undefined ? {} : { active: row }), ...(opened === undefined ? {} : { opened, isFollowing: false }) }
    redraw()
  }

  page.addEventListener(
    'scroll',
    ({ target }) => {
      if (!(target instanceof HTMLElement) || target.id !== 'log') return
      at = { ...at, isFollowing: target.scrollTop + target.clientHeight >= target.scrollHeight - 2 }
      redraw()
    },
    { capture: true, passive: true },
  )
  page.addEventListener('click', ({ target }) => {
    if (!(target instanceof Element)) return
    const row = target.closest('[data-row]')?.getAttribute('data-row')
    if (row !== null && row !== undefined) return show(Number(row))
    if (target.id === 'close-entry') {
      show(undefined)
      log()?.focus()
    }
    if (target.id !== 'follow') return
    at = { ...at, isFollowing: !at.isFollowing }
    redraw()
  })
  page.addEventListener('keydown', (event) => {
    const { key, target } = event
    if (key === 'Escape' && at.opened !== undefined) {
      show(undefined)
      log()?.focus()
      return
    }
    if (!(target instanceof HTMLElement) || target.id !== 'log') return
    const element = target
    const top = summary.first + Math.ceil(offsetOf(element) / ROW_PX)
    const full = Math.max(1, Math.floor(element.clientHeight / ROW_PX) - 1)
    const from = at.active ?? (at.isFollowing ? summary.total : top - 1)
    const to = new Map([
      ['ArrowDown', from + 1],
      ['ArrowUp', from - 1],
      ['PageDown', from + full],
      ['PageUp', from - full],
      ['Home', summary.first],
      ['End', summary.total - 1],
    ]).get(key)
    if (to !== undefined) moveTo(to)
    else if ((key === 'Enter' || key === ' ') && at.active !== undefined) show(at.active)
    else return
    event.preventDefault()
  })
  addEventListener('resize', redraw)
  redraw()
}
