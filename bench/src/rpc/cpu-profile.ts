import { writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'

const SAMPLE_US = 200

/** Profiles this process. */
export class Profiler {
  readonly #session = new Session()
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /**
   * To be called before the code that matters is compiled: only then is a function that was inlined
   * told apart from its caller.
   */
  static async prepare(path: string): Promise<Profiler> {
    const profiler = new Profiler(path)
    profiler.#session.connect()
    await profiler.#session.post('Profiler.enable')
    await profiler.#session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })
    await profiler.#session.post('Profiler.start')
    return profiler
  }

  /** What was before is forgotten. */
  async start(): Promise<void> {
    await this.#session.post('Profiler.stop')
    await this.#session.post('Profiler.start')
  }

  /** Writes a `.cpuprofile`, which Chrome's DevTools open. */
  async stop(): Promise<void> {
    const { profile } = await this.#session.post('Profiler.stop')
    this.#session.disconnect()
    await writeFile(this.#path, JSON.stringify(profile))
  }
}
