import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { openEventStream } from './event-stream.js'

/** A connection whose other side reads when it is told to. */
class SlowResponse extends EventEmitter {
  text = ''
  isFull = false
  closed = false
  writableEnded = false
  flushHeaders(): void {}
  write(text: string): boolean {
    this.text += text
    return !this.isFull
  }
  end(): void {
    this.writableEnded = true
  }
}

const open = (response: SlowResponse, onClose = (): void => undefined) =>
  openEventStream(response as unknown as ServerResponse, { maxQueued: 3, onClose }) // what it uses of one

it('holds no more than its limit for a viewer that does not read, and tells what it dropped', () => {
  const response = new SlowResponse()
  const stream = open(response)
  response.isFull = true
  for (let i = 0; i < 10; i++) stream.send({ event: 'lines', data: [i], id: String(i), weight: 100 })
  expect(response.text).toBe('id: 0\nevent: lines\ndata: [0]\n\n')
  response.text = ''
  response.isFull = false
  response.emit('drain')
  expect(response.text).toBe(
    ['event: dropped\ndata: {"count":600}', ...[7, 8, 9].map((i) => `id: ${i}\nevent: lines\ndata: [${i}]`)]
      .map((one) => `${one}\n\n`)
      .join(''),
  )
  response.emit('close')
})

it('keeps of superseding events the newest alone, and drops nothing for it', () => {
  const response = new SlowResponse()
  let closed = 0
  const stream = open(response, () => closed++)
  response.isFull = true
  for (let i = 0; i < 10; i++) stream.send({ event: 'state', data: i, supersedes: true })
  response.text = ''
  response.isFull = false
  response.emit('drain')
  expect(response.text).toBe('event: state\ndata: 9\n\n')
  response.emit('close')
  expect(closed).toBe(1)
})

it('is over at once where the viewer has left before', () => {
  const response = new SlowResponse()
  response.closed = true
  let closed = 0
  open(response, () => closed++).send({ event: 'state', data: 1 })
  expect([closed, response.text, response.listenerCount('close')]).toEqual([1, '', 0])
})
