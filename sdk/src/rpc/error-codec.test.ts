import { Reader } from '../codec/reader.js'
import { Writer } from '../codec/writer.js'
import { WeaverError } from '../contract/errors.js'
import { readError, registerError, writeError } from './error-codec.js'
import { RemoteCallError } from './remote-call-error.js'

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
    expect(Object.keys(arrived)).toEqual(['details'])
  })

  it.each([undefined, null, 0, '', 'text', 12n, [1, { a: null }], { code: 'X' }, new Date(0)])('may be no error at all: %p', (thrown) => {
    expect(across(thrown)).toEqual(thrown)
  })

  it('that is a function arrives as null: nothing of it can be sent', () => expect(across(() => 1)).toBeNull())
})
