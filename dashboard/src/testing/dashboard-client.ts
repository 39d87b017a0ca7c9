/** Asks a dashboard as a browser, or a program, does. */
import { request as httpRequest } from 'node:http'
import type { Dashboard } from '../start-dashboard.js'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
}

export interface DashboardClient {
  ask(path: string, headers?: Readonly<Record<string, string>>, method?: string, body?: string): Promise<Answer>
  /** Opens the pages as a browser does. */
  enter(url?: string): Promise<{ readonly mount: string; readonly cookie: string }>
  /** Reads events until one fulfils the condition. */
  readEvents(path: string, headers: Record<string, string>, isEnough: (text: string) => boolean): Promise<string>
  /** Of a program. */
  bearer(token?: string): Record<string, string>
}

/** @param of the dashboard that is asked at that time */
export function dashboardClient(of: () => Dashboard): DashboardClient {
  /** `fetch` sets the headers that matter here by itself. */
  function ask(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET', body = ''): Promise<Answer> {
    const { port } = new URL(of().url)
    return new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
        let text = ''
        response
          .setEncoding('utf8')
          .on('data', (chunk: string) => (text += chunk))
          .on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      })
        .on('error', reject)
        .end(body)
    })
  }

  /** Opens the pages as a browser does. */
  async function enter(url = of().url): Promise<{ readonly mount: string; readonly cookie: string }> {
    const { status, headers } = await ask(`/${new URL(url).search}`)
    const to = status === 200 ? /^0; url=(.*)$/.exec(String(headers['refresh']))?.[1] : headers['location']
    expect(status).toBe(url === of().url ? 303 : 200)
    const cookie = String(headers['set-cookie'])
    expect(cookie).toMatch(/; Path=\/[\w-]{12}\/; HttpOnly; SameSite=Strict$/)
    return { mount: String(to), cookie: cookie.split(';')[0] ?? '' }
  }

  /** Reads events until one fulfils the condition. */
  async function readEvents(path: string, headers: Record<string, string>, isEnough: (text: string) => boolean): Promise<string> {
    const over = new AbortController()
    const response = await fetch(new URL(path, of().url), { headers, signal: over.signal })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      if (isEnough(text)) break
    }
    over.abort()
    return text
  }

  return { ask, enter, readEvents, bearer: (token = of().token) => ({ authorization: `Bearer ${token}` }) }
}
