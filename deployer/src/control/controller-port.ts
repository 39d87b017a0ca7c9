/**
 * What a deployer's controllers need of a connection to the broker, with the rights of a deployer.
 */
export interface ControllerPort {
  publish(subject: string, data: Uint8Array, reply?: string): void
  subscribe(
    subject: string,
    handler: (message: { readonly data: Uint8Array; readonly reply: string | undefined }) => void,
  ): { unsubscribe(): void }
}
