/**
 * Deployer and agents through randomised lives of machines: connections that stall, break on one
 * side first, or die unnoticed; agents that are killed; machines that reboot. The machines, their
 * network and all clocks are of this file; both ends are the real ones.
 */
import type { DeathCause, ProcessListener } from '@weaver/deployer'
import { Agent, type DeployerLink } from './agent/agent.js'
import type { FromAgent, RemoteCommand, ToAgent } from './agent/messages.js'
import { PING_MS, RemoteAgent, type AgentLink } from './remote-agent.js'

const LEASE_MS = 10_000
const STEP_MS = 100
/** What an agent that was killed has left ends in that time by itself: its lifeline has closed. */
const DRAIN_MS = 8_000

/** A process of the application, as the world has it. */
class WorldProcess {
  said = 0
  hasSpawned = false
  endsAt = Infinity
  constructor(
    readonly replica: string,
    readonly listener: ProcessListener,
    readonly pid: number,
  ) {}
}

class Connection {
  readonly toAgent: ToAgent[] = []
  readonly fromAgent: FromAgent[] = []
  isStalled = false
  isBrokenHere = false
  isBrokenThere = false
  readonly there: DeployerLink
  here: AgentLink | undefined
  constructor(readonly agent: Agent) {
    this.there = {
      send: (frame) => {
        if (!this.isBrokenThere) this.fromAgent.push(frame)
        return this.fromAgent.length < 5
      },
      close: () => (this.isBrokenThere = true),
    }
  }
}

class WorldMachine {
  readonly clockOffset: number
  readonly known: RemoteAgent
  readonly running = new Set<WorldProcess>()
  agent: Agent | undefined
  connection: Connection | undefined
  /** Broken on the side of the deployer; the agent has not noticed. */
  readonly stale: Connection[] = []
  files = new Map<string, string>()
  pingedAt = 0
  isCut = false

  constructor(
    readonly name: string,
    readonly world: World,
  ) {
    this.clockOffset = Math.floor(world.random() * 1e6)
    this.known = new RemoteAgent({ name, leaseMs: LEASE_MS, now: () => world.now, say: () => undefined })
  }

  /** What ssh does: starts an agent where there is none, which ends what is left of the one before. */
  connect(): void {
    if (this.agent === undefined) {
      for (const process of this.running) this.end(process, undefined)
      this.files = new Map()
      this.agent = this.#newAgent()
    }
    const connection = new Connection(this.agent)
    this.connection = connection
    connection.here = this.known.attach((frame) => connection.toAgent.push(frame), {
      onReady: () => undefined,
      onRefused: (why) => must(false, why),
    })
    this.agent.attach(connection.there)
  }

  #newAgent(): Agent {
    const agent: Agent = new Agent({
      instance: `i${(this.world.instances += 1)}`,
      leaseMs: LEASE_MS,
      now: () => this.world.now + this.clockOffset,
      start: ({ file }: RemoteCommand, listener: ProcessListener) => {
        if (!this.files.has('credentials')) throw new Error('a process without its files')
        const process = new WorldProcess(file, listener, (this.world.pids += 1))
        this.running.add(process)
        return { kill: (signal) => this.end(process, { kind: 'signal', signal }) }
      },
      writeFile: (name, text) => this.files.set(name, text),
      mark: () => undefined,
      end: () => {
        for (const process of this.running) this.end(process, undefined)
        if (this.agent === agent) this.agent = undefined
      },
    })
    return agent
  }

  /** @param cause `undefined`: nobody is left who could say it */
  end(process: WorldProcess, cause: DeathCause | undefined): void {
    if (!this.running.delete(process) || cause === undefined) return
    process.listener.onEnded(cause)
  }

  /** The agent has no time for anything; what it ran goes on for a while. */
  killAgent(): void {
    this.agent = undefined
    if (this.connection !== undefined) this.connection.isBrokenThere = true
    for (const process of this.running) process.endsAt = this.world.now + Math.floor(this.world.random() * DRAIN_MS)
  }

  reboot(): void {
    this.killAgent()
    this.running.clear()
  }

  breakHere(reason: string): void {
    const { connection } = this
    if (connection === undefined) return
    connection.isBrokenHere = true
    this.connection = undefined
    this.stale.push(connection)
    connection.here?.close(reason)
  }

  tick(): void {
    const { random, now } = this.world
    const { connection } = this
    for (const one of connection === undefined ? this.stale : [...this.stale, connection]) {
      if (one.isStalled || this.isCut) continue
      for (let left = Math.floor(random() * 12); left > 0; left--) {
        const toAgent = random() < 0.5
        if (toAgent && !one.isBrokenThere) {
          const frame = one.toAgent.shift()
          if (frame !== undefined && this.agent === one.agent) one.agent.take(one.there, frame)
        } else if (!toAgent) {
          const frame = one.fromAgent.shift()
          if (frame !== undefined) one.here?.take(frame) // what was under way arrives also when it is broken
          if (this.agent === one.agent && one.fromAgent.length < 5) one.agent.flush()
        }
      }
      if (one.isBrokenThere && one === this.connection && one.fromAgent.length === 0) this.breakHere('closed by the other end')
      // In the end the agent hears that the connection is over; frames that were on their way to it may be lost.
      if (one.isBrokenHere && random() < 0.1) {
        one.agent.detach(one.there)
        this.stale.splice(this.stale.indexOf(one), 1)
      }
    }
    if (now - this.pingedAt >= PING_MS) {
      this.pingedAt = now
      this.known.watch()
      if (this.connection?.here?.ping() === false) this.breakHere('silence')
    }
    if (this.agent !== undefined && this.agent.left <= 0) this.agent.end('lease')
    for (const process of this.running) {
      if (process.endsAt <= now) this.running.delete(process)
      else if (this.agent !== undefined) {
        if (!process.hasSpawned) process.listener.onSpawned(process.pid)
        process.hasSpawned = true
        if (random() < 0.3) process.listener.onOutput('stdout', Buffer.from(`${(process.said += 1)}`))
        if (random() < 0.002) this.end(process, { kind: 'exit', code: process.said })
      }
    }
    if (this.connection === undefined && !this.isCut && random() < 0.1) this.connect()
  }
}

class World {
  now = 0
  instances = 0
  pids = 0
  readonly machines: readonly WorldMachine[]
  /** What the deployer believes to run. */
  readonly placed = new Map<string, WorldMachine>()
  readonly counts = { lost: 0, exits: 0, reconnects: 0 }

  constructor(readonly random: () => number) {
    this.machines = ['m1', 'm2', 'm3'].map((name) => new WorldMachine(name, this))
    for (const { known } of this.machines) known.write('credentials', 'secret')
  }

  start(replica: string): void {
    const able = this.machines.filter(({ known }) => known.state === 'connected')
    const machine = able[Math.floor(this.random() * able.length)]
    if (machine === undefined) return
    this.placed.set(replica, machine)
    let pid: number | undefined
    let heard = 0
    machine.known.start(
      { file: replica, args: [], env: {} },
      {
        onSpawned: (given) => {
          must(pid === undefined, 'a process began twice')
          pid = given
        },
        onOutput: (_stream, chunk) => must(Number(Buffer.from(chunk).toString()) === (heard += 1), 'output is lost, or came twice'),
        onEnded: (cause) => {
          must(this.placed.get(replica) === machine, 'a process ended twice')
          this.placed.delete(replica)
          if (cause.kind === 'exit') must(heard === cause.code, 'the end came before the last output')
          if (cause.kind === 'lost') this.counts.lost++
          else this.counts.exits++
        },
      },
    )
  }

  tick(): void {
    this.now += STEP_MS
    for (const replica of ['a', 'b', 'c', 'd']) if (!this.placed.has(replica)) this.start(replica)
    for (const machine of this.machines) machine.tick()
    // Nothing runs twice. What an agent that was killed has left takes nothing new, and is not counted.
    const running = this.machines.flatMap((machine) =>
      [...machine.running].flatMap(({ replica, endsAt }) => (endsAt === Infinity ? replica : [])),
    )
    if (new Set(running).size < running.length) throw new Error(`at ${this.now} there run ${running.join()}`)
  }

  trouble(): void {
    const [machine] = [...this.machines].sort(() => this.random() - 0.5)
    if (machine === undefined) return
    const kind = this.random()
    if (kind < 0.3) machine.isCut = !machine.isCut
    else if (kind < 0.5) machine.breakHere('reset')
    else if (kind < 0.65 && machine.connection !== undefined) machine.connection.isBrokenThere = true
    else if (kind < 0.8 && machine.connection !== undefined) machine.connection.isStalled = true
    else if (kind < 0.9) machine.killAgent()
    else machine.reboot()
  }
}

it('runs nothing twice, loses no report and no order of what goes on, and runs all of it once the trouble is over', () => {
  const counts = { lost: 0, exits: 0 }
  for (let seed = 1; seed <= 60; seed++)
    try {
      const world = new World(mulberry32(seed))
      for (let i = 0; i < 1_500; i++) {
        if (world.random() < 0.01) world.trouble()
        world.tick()
      }
      for (const machine of world.machines) machine.isCut = false
      for (let i = 0; i < 600; i++) world.tick()
      expect(world.machines.map(({ known }) => known.state)).toEqual(['connected', 'connected', 'connected'])
      // Processes end by themselves also now: those that run are the ones that the deployer knows, or that it has just heard of.
      const running = world.machines.flatMap(({ running, name }) => [...running].map(({ replica }) => `${replica} on ${name}`))
      const known = [...world.placed].map(([replica, { name }]) => `${replica} on ${name}`)
      expect(known).toEqual(expect.arrayContaining(running))
      expect(running.length).toBeGreaterThanOrEqual(3)
      counts.lost += world.counts.lost
      counts.exits += world.counts.exits
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  expect(counts.lost).toBeGreaterThan(100)
  expect(counts.exits).toBeGreaterThan(100)
})

it('refuses an agent that obeys another one, and orders nothing of it', () => {
  const world = new World(mulberry32(1))
  const agent = new Agent({
    instance: 'shared',
    leaseMs: LEASE_MS,
    now: () => 0,
    start: () => ({ kill: () => undefined }),
    writeFile: () => undefined,
    mark: () => undefined,
    end: () => undefined,
  })
  const refused = ['m1', 'ada@m1'].map((name) => {
    const known = new RemoteAgent({ name, leaseMs: LEASE_MS, now: () => world.now, say: () => undefined })
    known.write('credentials', 'secret')
    const reasons: string[] = []
    const connection = new Connection(agent)
    const here = known.attach((frame) => connection.toAgent.push(frame), { onReady: () => undefined, onRefused: (why) => reasons.push(why) }) // prettier-ignore
    agent.attach(connection.there)
    for (const frame of connection.fromAgent.splice(0)) here.take(frame)
    for (const frame of connection.toAgent) agent.take(connection.there, frame)
    return { instance: known.instance, reasons, frames: connection.toAgent.map(({ frame }) => frame) }
  })
  expect(refused).toEqual([
    { instance: 'shared', reasons: [], frames: ['begin', 'order'] },
    { instance: undefined, reasons: ['its agent obeys another one: the machine has two names'], frames: [] },
  ])
})

function must(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise)
}

/** A small seeded generator, so that a failing seed can be run again. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
