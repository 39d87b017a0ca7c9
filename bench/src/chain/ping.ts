import { component, implement, ref } from '@weaver/sdk'

/** A chain of components: each calls the next with one call less to go. */
export interface Ping {
  /** @returns how many components the call went through */
  ping(left: number): Promise<number>
}

export const Ping1 = component<Ping>('bench/Ping1')
export const Ping2 = component<Ping>('bench/Ping2')
export const Ping3 = component<Ping>('bench/Ping3')
export const Ping4 = component<Ping>('bench/Ping4')
export const Ping5 = component<Ping>('bench/Ping5')
export const Ping6 = component<Ping>('bench/Ping6')
export const Ping7 = component<Ping>('bench/Ping7')
export const Ping8 = component<Ping>('bench/Ping8')
export const Ping9 = component<Ping>('bench/Ping9')
export const Ping10 = component<Ping>('bench/Ping10')

abstract class Link implements Ping {
  abstract readonly next: Ping
  async ping(left: number): Promise<number> {
    return left === 1 ? 1 : 1 + (await this.next.ping(left - 1))
  }
}

class Ping1Impl extends Link {
  readonly next = ref(Ping2)
}
class Ping2Impl extends Link {
  readonly next = ref(Ping3)
}
class Ping3Impl extends Link {
  readonly next = ref(Ping4)
}
class Ping4Impl extends Link {
  readonly next = ref(Ping5)
}
class Ping5Impl extends Link {
  readonly next = ref(Ping6)
}
class Ping6Impl extends Link {
  readonly next = ref(Ping7)
}
class Ping7Impl extends Link {
  readonly next = ref(Ping8)
}
class Ping8Impl extends Link {
  readonly next = ref(Ping9)
}
class Ping9Impl extends Link {
  readonly next = ref(Ping10)
}
class Ping10Impl implements Ping {
  async ping(): Promise<number> {
    return 1
  }
}

export const ping1Impl = implement(Ping1, Ping1Impl)
export const ping2Impl = implement(Ping2, Ping2Impl)
export const ping3Impl = implement(Ping3, Ping3Impl)
export const ping4Impl = implement(Ping4, Ping4Impl)
export const ping5Impl = implement(Ping5, Ping5Impl)
export const ping6Impl = implement(Ping6, Ping6Impl)
export const ping7Impl = implement(Ping7, Ping7Impl)
export const ping8Impl = implement(Ping8, Ping8Impl)
export const ping9Impl = implement(Ping9, Ping9Impl)
export const ping10Impl = implement(Ping10, Ping10Impl)
