/** Takes a page over: draws its view again with every state that the server sends. */
import { hydrate, render, type VNode } from 'preact'

const DEPLOYMENT_ENDED = 'This deployment has ended; what is shown is what was seen last.'

interface LiveOptions<S> {
  readonly view: (state: S, notice: string) => VNode
  /** What a state of the stream becomes on this page. @default itself */
  readonly merge?: (state: S, first: S) => S
  /** Path of the stream, below the base. */
  readonly stream: (state: S) => string
  /** What is said when it has ended. */
  readonly ended?: string
}

export function startLive<S>({ view, merge = (state) => state, stream, ended = DEPLOYMENT_ENDED }: LiveOptions<S>): void {
  const root = document.getElementById('page')
  const text = document.getElementById('state')?.textContent
  if (root === null || text === undefined || text === null) return
  const first = JSON.parse(text) as S
  let shown = first
  const draw = (state: S, notice = ''): void => {
    shown = state
    render(view(state, notice), root)
  }
  hydrate(view(first, ''), root)
  let dropped = 0
  const events = new EventSource(stream(first))
  events.addEventListener('state', ({ data }: MessageEvent<string>) => {
    // A hidden page draws when it is looked at again.
    const state = merge(JSON.parse(data) as S, first)
    if (document.hidden) shown = state
    else draw(state, dropped > 0 ? `${dropped} events were dropped: this page read too slowly` : '')
  })
  events.addEventListener('dropped', ({ data }: MessageEvent<string>) => {
    dropped += (JSON.parse(data) as { readonly count: number }).count
  })
  events.addEventListener('ended', () => {
    events.close()
    draw(shown, ended)
  })
  events.addEventListener('error', () => draw(shown, troubleOf(events)))
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) draw(shown)
  })
}

/** What is wrong with a stream that has just failed, for the user. */
export function troubleOf({ readyState }: EventSource): string {
  return readyState === EventSource.CLOSED
    ? 'The dashboard has ended; start it again, and open the URL that it prints.'
    : 'The dashboard does not answer; trying again …'
}

/** Buttons with `data-copy` copy. */
export function enableCopy(): void {
  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('button[data-copy]') : null
    const text = button?.getAttribute('data-copy')
    if (button === null || text === null || text === undefined) return
    void navigator.clipboard.writeText(text).then(
      () => button.setAttribute('data-copied', ''),
      () => getSelection()?.selectAllChildren(button.previousElementSibling ?? button), // the clipboard is closed: Ctrl-C does it
    )
  })
}
