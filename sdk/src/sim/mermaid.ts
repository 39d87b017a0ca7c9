import type { SimEvent, SimEventKind } from './world/history.js'

const ARROWS: Readonly<Partial<Record<SimEventKind, string>>> = {
  request: '->>',
  reply: '-->>',
  failed: '--x',
  lost: '-x',
  cancel: '-)',
}

/**
 * The history as a Mermaid sequence diagram: an arrow for each message, drawn when it arrives or is
 * lost, and a note for all other events.
 */
export function mermaid(history: readonly SimEvent[]): string {
  const ids = new Map<string, string>()
  for (const { from, to } of history) for (const name of [from, to]) if (name !== undefined && !ids.has(name)) ids.set(name, `p${ids.size}`)
  const id = (name: string): string => ids.get(name) as string // every name in the history has one
  const lines = history.map(({ kind, from, to, text }) => {
    const arrow = ARROWS[kind]
    if (arrow !== undefined && to !== undefined) return `${id(from)}${arrow}${id(to)}: ${escaped(text)}`
    return `Note over ${id(from)}: ${escaped(text)}`
  })
  const participants = [...ids].map(([name, short]) => `participant ${short} as ${escaped(name)}`)
  return ['sequenceDiagram', ...[...participants, ...lines].map((line) => `    ${line}`), ''].join('\n')
}

/** Mermaid ends a text at a line break or `;`, and reads `#…;` as a character. */
function escaped(text: string): string {
  return text.replace(/[#;\n\r<>]/g, (char) => `#${char.charCodeAt(0)};`)
}
