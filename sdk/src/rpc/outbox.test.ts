import { Outbox } from './outbox.js'

function outbox(limits: { frames: number; bytes: number }) {
  const sent: (readonly string[])[] = []
  return { sent, box: new Outbox<string>(limits, (items) => void sent.push(items)) }
}

describe('an outbox', () => {
  it('sends what one tick brings together, and keeps nothing', async () => {
    const { sent, box } = outbox({ frames: 10, bytes: 100 })
    box.add('a', 1)
    box.add('b', 1)
    expect(sent).toEqual([])
    await Promise.resolve()
    box.add('c', 1)
    await Promise.resolve()
    await Promise.resolve()
    expect(sent).toEqual([['a', 'b'], ['c']])
  })

  it('sends at once what is full by count', () => {
    const { sent, box } = outbox({ frames: 2, bytes: 100 })
    for (const item of ['a', 'b', 'c', 'd', 'e']) box.add(item, 1)
    expect(sent).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
  })

  it('sends at once what is full by bytes, and a large one alone', () => {
    const { sent, box } = outbox({ frames: 10, bytes: 100 })
    box.add('small', 10)
    box.add('large', 500)
    box.add('half', 60)
    box.add('other half', 60)
    expect(sent).toEqual([['small'], ['large'], ['half']])
  })
})
