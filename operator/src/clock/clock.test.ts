import { systemClock } from './clock.js'

it('notices that the wall clock was set, and does not take passing or drifting for that', () => {
  const time = { wall: 1_000_000, steady: 5 }
  const clock = systemClock(
    () => time.wall,
    () => time.steady,
  )
  const pass = (steady: number, wall = steady) => {
    time.steady += steady
    time.wall += wall
    return clock.setAt()
  }
  expect(pass(3_600_000)).toBe(0)
  for (let hour = 0; hour < 24; hour++) expect(pass(3_600_000, 3_600_000 + 500)).toBe(0)
  expect(pass(10, 3_600_000)).toBe(time.wall)
  const forward = time.wall
  expect(pass(60_000)).toBe(forward)
  expect(pass(10, -7_200_000)).toBe(time.wall)
  expect(time.wall).toBeLessThan(forward)
})
