import type { WeaverAppSpec } from '@weaver/crds'
import type { TrafficDriver } from './driver.js'
import { createNoneDriver } from './none/none-driver.js'
import { createProxyDriver, type ProxyDriverOptions } from './proxy/proxy-driver.js'

export type TrafficDriverName = WeaverAppSpec['traffic']['driver']
/** A driver for each value of `spec.traffic.driver`. */
export type TrafficDrivers = { readonly [N in TrafficDriverName]: TrafficDriver }

/** One line a driver. */
export function createTrafficDrivers(options: { readonly proxy: ProxyDriverOptions }): TrafficDrivers {
  return {
    proxy: createProxyDriver(options.proxy),
    none: createNoneDriver(),
  }
}

export function forgetApp(drivers: TrafficDrivers, app: { readonly namespace: string; readonly name: string }): void {
  for (const driver of Object.values(drivers)) driver.forget(app)
}

export async function closeDrivers(drivers: TrafficDrivers): Promise<void> {
  for (const driver of Object.values(drivers)) await driver.close()
}
