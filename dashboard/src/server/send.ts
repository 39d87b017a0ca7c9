/** Answers: their headers, and how failures look. */
import type { ServerResponse } from 'node:http'
import { CONTENT_SECURITY_POLICY } from './page.js'

const ALWAYS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
}

/** The request is not one that can be answered. */
export class RequestProblem extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export function begin(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { ...ALWAYS, ...headers })
}

export function sendHtml(response: ServerResponse, status: number, text: string): void {
  begin(response, status, { 'content-type': 'text/html; charset=utf-8' })
  response.end(text)
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  begin(response, status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}
