import { shareAmong } from './traffic-plan.js'

describe('weights of a listener', () => {
  it('are those of the versions that export it, and sum to 100 again', () => {
    expect(shareAmong(['v1', 'v2'], { v1: 75, v2: 25 })).toEqual({ v1: 75, v2: 25 })
    expect(shareAmong(['v2'], { v1: 75, v2: 25 })).toEqual({ v2: 100 })
    expect(shareAmong(['v1', 'v2', 'v3'], { v1: 60, v2: 30, v4: 10 })).toEqual({ v1: 70, v2: 30, v3: 0 })
  })

  it('are empty while none of them has any', () => {
    expect(shareAmong(['v2'], { v1: 100 })).toEqual({})
    expect(shareAmong([], {})).toEqual({})
  })
})
