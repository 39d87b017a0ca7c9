import { ref, type Main } from '@weaver/sdk'
import { Subject } from './subject.js'

/** One process says that it works; the statements are tried by the test. */
export class App implements Main {
  readonly subject = ref(Subject)

  async main(): Promise<void> {
    await this.subject.nothing()
  }
}
