import { createGuard } from './guard.js'

it('lets a ticket open the pages once, by GET, within a minute', () => {
  let now = 5
  const guard = createGuard(
    () => 80,
    () => now,
  )
  const [first, second, third] = [guard.ticket(), guard.ticket(), guard.ticket()]
  for (const method of ['HEAD', 'POST', undefined]) expect(guard.opens(first, method)).toBeUndefined()
  expect([guard.opens(first, 'GET'), guard.opens(first, 'GET')]).toEqual(['ticket', undefined])
  now += 59_999
  expect(guard.opens(second, 'GET')).toBe('ticket')
  now += 1
  expect(guard.opens(third, 'GET')).toBeUndefined()
  expect([guard.opens(guard.ticket(), 'GET'), guard.opens(guard.token, 'GET'), guard.opens('', 'GET')]).toEqual([
    'ticket',
    'token',
    undefined,
  ])
})
