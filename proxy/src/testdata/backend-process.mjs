// A backend in a process of its own, to be killed: answers with its name, after what it was asked to take. Prints its port.
import { createServer } from 'node:http'

const [, , name] = process.argv
const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
  req.resume()
  req.on('end', () => setTimeout(() => res.end(name), 5))
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
process.on('SIGTERM', () => server.close(() => process.exit(0)))
process.on('disconnect', () => process.exit(1))
