/** One page: the frame around a view, with the state that the browser goes on with. */
import { createHash } from 'node:crypto'
import type { VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { IMPORT_MAP } from './assets.js'

export interface Page {
  readonly title: string
  readonly view: VNode
  /** Script below `assets/browser/`, which takes the page over; absent: nothing on it moves. */
  readonly script?: string
  /** What the script begins with. */
  readonly state?: unknown
}

/** Nothing from elsewhere, nothing inline but the import map. */
export const CONTENT_SECURITY_POLICY: string = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${createHash('sha256').update(IMPORT_MAP).digest('base64')}'`,
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** @param mount path below which everything is */
export function renderPage({ title, view, script, state }: Page, mount: string): string {
  const head = [
    '<meta charset="utf-8">',
    `<base href="${mount}">`,
    `<title>${escapeText(title)}</title>`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<link rel="icon" href="assets/icon.svg">',
    '<link rel="stylesheet" href="assets/dashboard.css">',
    ...(script === undefined
      ? []
      : [`<script type="importmap">${IMPORT_MAP}</script>`, `<script type="module" src="assets/browser/${script}"></script>`]),
  ]
  const data = state === undefined ? '' : `<script type="application/json" id="state">${escapeData(state)}</script>`
  return `<!doctype html>\n<html lang="en"><head>${head.join('')}</head><body><div id="page">${renderToString(view)}</div>${data}</body></html>\n`
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

/** In a script element only its end could do harm, and a comment that changes where that is. */
function escapeData(state: unknown): string {
  return JSON.stringify(state).replaceAll('<', String.raw`\u003c`)
}
