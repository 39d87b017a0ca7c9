import { maskSecrets } from './mask-secrets.js'

it('masks secrets by their keys, wherever they stand, and leaves references and the rest', () => {
  const key = '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----'
  const config = {
    'shop/Cart': {
      password: 'hunter2',
      dbPassword: '${env:DB_PASSWORD}',
      half: { apiKey: 'a${env:X}', tokens: ['one', 'two'], pin_token: 1234 },
      url: 'postgres://shop:hunter2@db:5432/shop and amqp://u:p@q',
      plain: 'https://example.com/a?b=c&d=e#f',
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
      url: 'postgres://***@db:5432/shop and amqp://***@q',
      plain: 'https://example.com/a?b=c&d=e#f',
      tls: { cert: 'public', pem: 'x***' },
      keyboard: 'qwerty',
      passengers: 3,
      accepted: ['Visa'],
      isOn: true,
    },
  })
  expect(JSON.stringify(maskSecrets(config))).not.toMatch(/hunter2|MIIE/)
})

it.each(
  (
    'password passwords password2 dbPasswordOld passphrase pass pwd PGPASSWD secret client_secret token credentials Authorization ' +
    'authorisation basicAuth cookie jwt bearer dsn apiKey api-key private_key accessKey signingKey encryption_key accountKey secretKey ' +
    'connectionString connection_string'
  ).split(' '),
)('masks what is under the key %s, as text, in a query, and between semicolons', (key) => {
  const masked = (value: unknown): unknown => maskSecrets({ 'shop/Cart': value })['shop/Cart']
  expect(masked({ [key]: 'hunter2' })).toEqual({ [key]: '***' })
  expect(masked({ [key]: '${env:X}' })).toEqual({ [key]: '${env:X}' })
  expect(masked(`https://h/p?a=b&${key}=hunter2&c=d#e`)).toBe(`https://h/p?a=b&${key}=***&c=d#e`)
  expect(masked(`Server=h;${key}=hunt er2;User=u`)).toBe(`Server=h;${key}=***;User=u`)
})

it.each([
  ['postgres://u:p/w@h', 'postgres://***@h'],
  ['postgres://u:p@ss@h:5432/db', 'postgres://***@h:5432/db'],
  ["postgres://u:p'w@h", 'postgres://***@h'],
  ['https://ghp_x@host', 'https://***@host'],
  ['postgres://u:${env:X}@h', 'postgres://u:${env:X}@h'],
  ['postgres://${env:U}:${file:/run/p}@h', 'postgres://${env:U}:${file:/run/p}@h'],
  ['postgres://u:x${env:X}@h', 'postgres://***@h'],
  ['"amqp://u:p@q","a@b"', '"amqp://***@q","a@b"'],
  ['https://h/?token=a&password=b&page=2', 'https://h/?token=***&password=***&page=2'],
  ['?token=${env:X}&password=b', '?token=${env:X}&password=***'],
  ['user=u&password=b&page=2', 'user=u&password=***&page=2'],
  ['Server=h;Password=x', 'Server=h;Password=***'],
  ['Server=h;Password=a&b;Database=d', 'Server=h;Password=***;Database=d'],
  ["Server=h; Password = 'a;b' ;Database=d", 'Server=h; Password = *** ;Database=d'],
  ['Password=${env:X};Server=h', 'Password=${env:X};Server=h'],
  ['Endpoint=sb://h/;Shared Access Key=ab+/cd==', 'Endpoint=sb://h/;Shared Access Key=***'],
  ['host=h password=x dbname=d', 'host=h password=*** dbname=d'],
  ['the time of day is 10:30 @ home', 'the time of day is 10:30 @ home'],
  ['a=1;b=2 and c=3', 'a=1;b=2 and c=3'],
])('masks what the text %s holds', (text, shown) => {
  expect(maskSecrets({ 'shop/Cart': { text, list: [text] } })).toEqual({ 'shop/Cart': { text: shown, list: [shown] } })
})
