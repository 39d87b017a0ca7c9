/** Views of logs, shared among those who look at the same. One that nobody looks at closes after a while. */
import type { LogFeed } from '../source.js'
import type { LogChoice } from '../views/log-choice.js'
import { LogView } from './log-view.js'

/** A viewer that reconnects, or turns the page, finds its view again. */
const IDLE_MS = 60_000
/** Of views that nobody follows. */
const MAX_IDLE = 4

export interface LogDesk {
  /** `wrong`: what is wrong with the query. The view stays until `release`, and a while longer. */
  open(key: string, choice: LogChoice): { readonly view: LogView; release(): void } | { readonly wrong: string }
  close(): void
}

interface OpenView {
  readonly view: LogView
  viewers: number
  idle: NodeJS.Timeout | undefined
}

export function createLogDesk(feed: LogFeed, onProblem: (error: unknown) => void): LogDesk {
  /** The least recently used first. */
  const open = new Map<string, OpenView>()
  const end = (id: string, { view, idle }: OpenView): void => {
    clearTimeout(idle)
    open.delete(id)
    view.close()
  }
  return {
    open(key, choice) {
      const { query, levels, system } = choice
      const id = JSON.stringify([key, query, levels, system])
      let one = open.get(id)
      if (one === undefined) {
        const selector = feed.select({ query, system })
        if ('wrong' in selector) return selector
        one = { view: new LogView(feed, { key, selector, levels, onProblem }), viewers: 0, idle: undefined }
      }
      open.delete(id)
      open.set(id, one)
      clearTimeout(one.idle)
      one.viewers++
      const used = one
      let isReleased = false
      return {
        view: used.view,
        release() {
          if (isReleased) return
          isReleased = true
          if (--used.viewers > 0 || used.view.isClosed) return
          open.delete(id)
          open.set(id, used)
          used.idle = setTimeout(() => end(id, used), IDLE_MS).unref()
          const idle = [...open].filter(([, { viewers }]) => viewers === 0)
          for (const [oldId, old] of idle.slice(0, Math.max(0, idle.length - MAX_IDLE))) end(oldId, old)
        },
      }
    },
    close() {
      for (const [id, one] of open) end(id, one)
    },
  }
}
