import { ref, type Main } from '@weaver/sdk'
import { Echo } from './echo.js'
import { Slow } from './memory/slow.js'

/** Main of the benchmark's application; whoever started the process uses its ref. */
export class App implements Main {
  static current: App | undefined
  readonly echo = ref(Echo)
  readonly slow = ref(Slow)

  main(): void {
    App.current = this
  }
}
