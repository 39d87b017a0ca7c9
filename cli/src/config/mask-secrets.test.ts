import { maskSecrets } from './mask-secrets.js'

it('masks secrets by their keys, wherever they stand, and leaves references and the rest', () => {
  const key = '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----'
  const config = {
    'shop/Cart': {
      password: 'hunter2',
      dbPassword: '${env:DB_PASSWORD}',
      half: { apiKey: 'a${env:X}', tokens: ['one', 'two'], pin_token: 1234 },
      url: 'postgres://shop:hunter2@db:5432/shop and amqp://u:p@q',
      plain: 'https://example.com/a:b@c',
      tls: { cert: 'public', pem: `x${key}` },
      keyboard: 'qwerty',
      passengers: 3,
      accepted: ['Visa'],
      isOn: true,
    },
  }
  expect(maskSecrets(config)).toEqual({
    'shop/Cart': {
      password: '***',
      dbPassword: '${env:DB_PASSWORD}',
      half: { apiKey: '***', tokens: ['***', '***'], pin_token: '***' },
      url: 'postgres://shop:***@db:5432/shop and amqp://u:***@q',
      plain: 'https://example.com/a:b@c',
      tls: { cert: 'public', pem: 'x***' },
      keyboard: 'qwerty',
      passengers: 3,
      accepted: ['Visa'],
      isOn: true,
    },
  })
  expect(JSON.stringify(maskSecrets(config))).not.toMatch(/hunter2|MIIE/)
})
