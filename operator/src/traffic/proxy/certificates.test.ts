import { ensureCertificates } from './certificates.js'

const NOW = Date.parse('2026-01-01T00:00:00Z')
const DAY = 86_400_000

it('keeps what is good, as the very same object', async () => {
  const first = await ensureCertificates(undefined, NOW)
  expect(await ensureCertificates({ ...first }, NOW + 100 * DAY)).toEqual(first)
})

it('makes leaves anew under the same authority when a third of their life is left', async () => {
  const first = await ensureCertificates(undefined, NOW)
  const later = await ensureCertificates({ ...first }, NOW + 300 * DAY)
  expect(later['ca.pem']).toBe(first['ca.pem'])
  expect(later['server.pem']).not.toBe(first['server.pem'])
  expect(later['client.pem']).not.toBe(first['client.pem'])
})

it('makes everything anew when the authority ends, or the Secret was damaged', async () => {
  const first = await ensureCertificates(undefined, NOW)
  expect((await ensureCertificates({ ...first }, NOW + 3_000 * DAY))['ca.pem']).not.toBe(first['ca.pem'])
  for (const damage of [{ 'ca.pem': 'nonsense' }, { 'ca.key': '' }, { 'ca.key': 'nonsense' }]) {
    const made = await ensureCertificates({ ...first, ...damage }, NOW)
    expect(made['ca.pem']).not.toBe(first['ca.pem'])
    expect(made['ca.pem']).toContain('BEGIN CERTIFICATE')
  }
  // Of another authority: only the leaf is replaced.
  const other = await ensureCertificates(undefined, NOW)
  const mixed = await ensureCertificates({ ...first, 'server.pem': other['server.pem'] }, NOW)
  expect(mixed['ca.pem']).toBe(first['ca.pem'])
  expect(mixed['server.pem']).not.toBe(other['server.pem'])
  expect(mixed['client.pem']).toBe(first['client.pem'])
})
