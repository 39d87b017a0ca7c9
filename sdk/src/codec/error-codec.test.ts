import { EventEmitter } from 'node:events'
import { runInNewContext } from 'node:vm'
import { z } from 'zod'
import { Reader } from './reader.js'
import { Writer } from './writer.js'
import { WeaverError } from '../contract/errors.js'
import { ErrorRegistry, readError, registerError, writeError } from './error-codec.js'
import { RemoteCallError } from '../errors/remote-call-error.js'

class NotFound extends Error {
  constructor(readonly id: number) {
    super(`no ${id}`)
    this.name = 'NotFound'
  }
}
registerError(NotFound)

function across(error: unknown): unknown {
  const w = new Writer()
  writeError(w, error)
  return readError(new Reader(w.finish()))
}

describe('an error of a method, on the other side', () => {
  it('is an instance of its class where that is registered, or of the nearest class that is', () => {
    class NoUser extends NotFound {}
    expect(across(new NotFound(7))).toBeInstanceOf(NotFound)
    const arrived = across(new NoUser(7)) as NotFound
    expect(arrived).toBeInstanceOf(NotFound)
    expect([arrived.name, arrived.message, arrived.id]).toEqual(['NotFound', 'no 7', 7])
  })

  it('is not an instance of a class that only has the same name', () => {
    const Other = { NotFound: class NotFound extends Error {} }.NotFound
    const arrived = across(new Other('mine')) as Error
    expect(arrived).not.toBeInstanceOf(NotFound)
    expect(arrived.message).toBe('mine')
  })

  it('of the platform that the method got itself stays one, with all that it tells', () => {
    const arrived = across(new RemoteCallError('WEAVER_RPC_DEADLINE', 'late', { mayHaveRun: true, cause: new TypeError('why') }))
    expect(arrived).toBeInstanceOf(RemoteCallError)
    expect(arrived).toBeInstanceOf(WeaverError)
    expect(arrived).toMatchObject({ name: 'RemoteCallError', code: 'WEAVER_RPC_DEADLINE', mayHaveRun: true })
    expect((arrived as Error).cause).toBeInstanceOf(TypeError)
  })

  it('has the errors of an AggregateError', () => {
    const arrived = across(new AggregateError([new NotFound(1), new TypeError('b'), 'c'], 'all')) as AggregateError
    expect(arrived).toBeInstanceOf(AggregateError)
    expect(arrived.errors[0]).toBeInstanceOf(NotFound)
    expect([arrived.errors.length, arrived.errors[2], arrived.message]).toEqual([3, 'c', 'all'])
  })

  it('is a DOMException if it was, with its code and cause', () => {
    const arrived = across(new DOMException('stop', 'AbortError')) as DOMException
    expect(arrived).toBeInstanceOf(DOMException)
    expect([arrived.name, arrived.code, arrived.message]).toEqual(['AbortError', 20, 'stop'])
  })

  it('has its details as they were; what cannot be sent is left out alone', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const details = {
      at: new Date(5),
      big: 2n ** 80n,
      seen: new Map([['a', new Set([1])]]),
      bytes: new Uint8Array([1, 2]),
      none: undefined,
    }
    const arrived = across(Object.assign(new Error('x'), { details, circle, act: () => 1 })) as Error & Record<string, unknown>
    expect(arrived['details']).toEqual(details)
    expect(Object.keys(arrived)).toEqual(['details', 'circle'])
    expect(arrived['circle']).toEqual({})
  })

  it.each([undefined, null, 0, '', 'text', 12n, [1, { a: null }], { code: 'X' }, new Date(0)])('may be no error at all: %p', (thrown) => {
    expect(across(thrown)).toEqual(thrown)
  })

  it.each([
    [() => 1, 'the method threw the function "", which cannot be sent to another process'],
    [Symbol('why'), 'the method threw the symbol why, which cannot be sent to another process'],
  ])('says what was thrown where nothing of it can be sent: %p', (thrown, message) => {
    const arrived = across(thrown)
    expect(arrived).toBeInstanceOf(Error)
    expect((arrived as Error).message).toBe(message)
  })

  it('may be a value with a circle: all but the circle arrives', () => {
    const thrown: Record<string, unknown> = { code: 'X', list: [1] }
    thrown['self'] = thrown
    ;(thrown['list'] as unknown[]).push(thrown)
    expect(across(thrown)).toEqual({ code: 'X', list: [1, null] })
  })

  it('has own fields that its library hides from logs, hidden as they were', () => {
    const { error } = z.object({ age: z.number() }).safeParse({ age: 'x' })
    const arrived = across(error) as z.ZodError
    expect(arrived.issues).toEqual(error?.issues)
    expect(z.prettifyError(arrived)).toBe(z.prettifyError(error as z.ZodError))
    expect(Object.keys(arrived)).toEqual([])
  })

  it('has the methods that its constructor sets where its class says how it is made', () => {
    registerError(z.ZodError, { revive: ({ issues }) => new z.ZodError(issues) })
    const sent = new z.ZodError([{ code: 'custom', path: ['age'], message: 'too young', input: 7 }])
    const arrived = across(Object.assign(sent, { cause: new TypeError('why') })) as z.ZodError
    expect(arrived).toBeInstanceOf(z.ZodError)
    expect(arrived.flatten().fieldErrors).toEqual({ age: ['too young'] })
    expect(arrived.cause).toBeInstanceOf(TypeError)
  })

  it('arrives as it was sent where that fails', () => {
    class Fussy extends Error {}
    registerError(Fussy, {
      revive: () => {
        throw new Error('no')
      },
    })
    const arrived = across(new Fussy('mine')) as Error
    expect(arrived).toBeInstanceOf(Fussy)
    expect(arrived.message).toBe('mine')
  })

  it('of an HTTP client has status and data of its answer; its socket and what leads back are left out', () => {
    const response: Record<string, unknown> = { status: 404, request: { path: '/x' } }
    ;(response['request'] as Record<string, unknown>)['res'] = response
    response['socket'] = Object.assign(new EventEmitter(), { secret: 1 })
    response['data'] = { reason: 'gone' } // after the circle, as axios sets it
    const arrived = across(Object.assign(new Error('Request failed'), { code: 'ERR_BAD_REQUEST', response })) as Error & typeof response
    expect(arrived['response']).toEqual({ status: 404, request: { path: '/x' }, data: { reason: 'gone' } })
    expect(arrived['code']).toBe('ERR_BAD_REQUEST')
  })

  it('with getters that throw keeps its class, name and message', () => {
    const thrower = {
      get: () => {
        throw new Error('a getter')
      },
      enumerable: true,
    }
    const arrived = across(Object.defineProperties(new NotFound(7), { extra: thrower, cause: thrower, errors: thrower }))
    expect(arrived).toBeInstanceOf(NotFound)
    expect(arrived).toMatchObject({ name: 'NotFound', message: 'no 7', id: 7 })
    expect(across(Object.defineProperty(new NotFound(7), 'name', thrower))).toBeInstanceOf(NotFound)
    expect(across(Object.defineProperty(new NotFound(7), 'message', thrower))).toMatchObject({ message: '', id: 7 })
    expect(across(new Proxy({}, { has: thrower.get, ownKeys: thrower.get }))).toMatchObject({
      message: 'the method threw an object, which cannot be sent to another process',
    })
  })

  it('that is among its own causes or errors ends there', () => {
    const loop = new AggregateError([], 'all')
    loop.errors.push(loop, new TypeError('b', { cause: loop }), loop)
    const arrived = across(loop) as AggregateError
    expect(arrived.errors).toHaveLength(1)
    expect((arrived.errors[0] as Error).cause).toBeUndefined()
  })

  it('keeps a list of errors that everybody sees, with their classes', () => {
    const arrived = across(Object.assign(new Error('two'), { errors: [new NotFound(1)] })) as AggregateError
    expect(Object.keys(arrived)).toEqual(['errors'])
    expect(arrived.errors[0]).toBeInstanceOf(NotFound)
  })

  it('of another realm is of the same built-in class', () => {
    expect(across(runInNewContext('new RangeError("far")'))).toBeInstanceOf(RangeError)
  })
})

describe('classes of errors', () => {
  const named = (name: string): typeof NotFound => ({ [name]: class extends NotFound {} })[name] as typeof NotFound

  it('are told apart where a minifier gives two of them one name', () => {
    const [one, other] = [named('a'), named('a')]
    const registry = new ErrorRegistry()
    for (const errorClass of [one, other, one]) registry.register(errorClass)
    for (const errorClass of [one, other]) expect(registry.find(registry.keyOf(new errorClass(1)))?.errorClass).toBe(errorClass)
  })

  it('that the generator found are the same in two bundles of a build that have other names for them', () => {
    const fingerprint = 'c0ffee00c0ffee00'
    const [sender, receiver] = [new ErrorRegistry(), new ErrorRegistry()]
    const [minified, Gone] = [named('a'), named('Gone')]
    sender.register(minified)
    sender.registerGenerated({ fingerprint, errors: [minified] })
    receiver.registerGenerated({ fingerprint, errors: [Gone] })
    expect(receiver.find(sender.keyOf(new minified(1)))?.errorClass).toBe(Gone)
  })
})
