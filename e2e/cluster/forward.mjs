// Carries TCP connections between this machine's loopback and a cluster that lives in a network namespace of its own. The two sides share no network,
// but they share the file system, so the bridge is a unix socket in the state folder:
//
//   client -> 127.0.0.1:PORT (outside half) -> STATE/forward.sock -> (inside half) -> ADDRESS:PORT in the cluster
//
//   forward.mjs inside STATE                        run in the cluster's namespaces; the first line of a connection names its target
//   forward.mjs outside STATE NAME=PORT@TARGET...   run outside; PORT+ means the first free port from PORT on; writes STATE/ports.env
//   forward.mjs ask STATE TARGET [PORT]             asks the running outside half for one more forward; prints 127.0.0.1:PORT
//
// TARGET is host:port as seen in the cluster; a name ending in .svc.cluster.local is resolved by the cluster's DNS at each connection, so a Service may be
// deleted and made again. Both halves are children of the cluster's supervisor and end with it. Needs only Node.
import { Resolver } from 'node:dns/promises'
import { rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'

const CLUSTER_DNS = '10.96.0.10'
const [mode, state, ...rest] = process.argv.slice(2)
const carrier = `${state}/forward.sock`
const control = `${state}/control.sock`

function join(a, b) {
  for (const [from, to] of [[a, b], [b, a]]) {
    from.pipe(to)
    from.on('error', () => to.destroy())
    // A clean end has been passed on by pipe() and `to` may still be writing; anything else ends both.
    from.on('close', () => from.readableEnded || to.destroy())
  } // prettier-ignore
}

/** Reads up to the first newline and gives the line; what came after it is put back. */
function firstLine(socket, use) {
  let text = Buffer.alloc(0)
  const onData = (chunk) => {
    text = Buffer.concat([text, chunk])
    const end = text.indexOf('\n')
    if (end < 0) return text.length > 4096 ? socket.destroy() : undefined
    socket.off('data', onData)
    socket.pause()
    if (end + 1 < text.length) socket.unshift(text.subarray(end + 1))
    use(text.subarray(0, end).toString())
  }
  socket.on('data', onData)
  socket.on('error', () => socket.destroy())
}

const splitTarget = (target) => {
  const colon = target.lastIndexOf(':')
  return [target.slice(0, colon), Number(target.slice(colon + 1))]
}

function inside() {
  const resolver = new Resolver({ timeout: 1000, tries: 3 })
  resolver.setServers([CLUSTER_DNS])
  const lastKnown = new Map()
  const resolve = async (host) => {
    if (!host.endsWith('.svc.cluster.local')) return host
    try {
      lastKnown.set(host, (await resolver.resolve4(host))[0])
    } catch (error) {
      console.error(`resolve ${host}: ${error.message}; ${lastKnown.has(host) ? 'using the last address known' : 'closing the connection'}`)
    }
    return lastKnown.get(host)
  }
  const server = net.createServer({ allowHalfOpen: true }, (socket) =>
    firstLine(socket, async (line) => {
      const [host, port] = splitTarget(line)
      const address = await resolve(host)
      if (address === undefined) return socket.destroy()
      join(socket, net.connect({ host: address, port, allowHalfOpen: true, noDelay: true }))
    }),
  )
  rmSync(carrier, { force: true })
  server.listen(carrier)
}

/** Listens on loopback for one target. `port` 0 lets the system choose; `walk` goes on to the next port while one is taken. */
function listen(target, port, walk) {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const socket = net.connect({ path: carrier, allowHalfOpen: true })
    socket.write(`${target}\n`)
    join(client, socket)
  })
  return new Promise((resolve, reject) => {
    server.on('error', (error) => {
      if (walk && error.code === 'EADDRINUSE') server.listen(++port, '127.0.0.1')
      else reject(error)
    })
    server.on('listening', () => resolve(server.address().port))
    server.listen(port, '127.0.0.1')
  })
}

async function outside() {
  const lines = []
  for (const entry of rest) {
    const [, name, port, walk, target] = /^(\w+)=(\d+)(\+?)@(.+)$/.exec(entry)
    let own
    // `=` stands for the port that was found: the registry has one number on both sides
    const found = await listen({ toString: () => target.replace(/:=$/, `:${own}`) }, Number(port), walk === '+')
    own = found
    lines.push(`${name}=${found}\n`)
  }
  const known = new Map()
  rmSync(control, { force: true })
  net
    .createServer((socket) =>
      firstLine(socket, async (line) => {
        const { target, port } = JSON.parse(line)
        try {
          if (port === 0 && known.has(target)) return socket.end(`${JSON.stringify({ port: known.get(target) })}\n`)
          const found = await listen(target, port, false)
          known.set(target, found)
          socket.end(`${JSON.stringify({ port: found })}\n`)
        } catch (error) {
          socket.end(`${JSON.stringify({ error: error.message })}\n`)
        }
      }),
    )
    .listen(control, () => writeFileSync(`${state}/ports.env`, lines.join('')))
}

function ask() {
  const [target, port = '0'] = rest
  const socket = net.connect(control)
  socket.on('error', (error) => {
    console.error(`cluster: the forwarder does not answer on ${control}: ${error.message}. Is the cluster up?`)
    process.exit(1)
  })
  socket.write(`${JSON.stringify({ target, port: Number(port) })}\n`)
  firstLine(socket, (line) => {
    const answer = JSON.parse(line)
    if (answer.error === undefined) console.log(`127.0.0.1:${answer.port}`)
    else console.error(`cluster: cannot forward ${target} to port ${port}: ${answer.error}`)
    process.exit(answer.error === undefined ? 0 : 1)
  })
}

const modes = { inside, outside, ask }
if (!Object.hasOwn(modes, mode)) {
  console.error('usage: forward.mjs inside|outside|ask STATE ...')
  process.exit(2)
}
await modes[mode]()
