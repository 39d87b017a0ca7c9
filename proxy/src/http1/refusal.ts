/**
 * Why a message is not passed on. The same class for both sides: what is wrong with a request is
 * told to the client, with a response to the log.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  /** Status for the client, when a request is refused. */
  readonly status: number

  constructor(reason: string, status = 400) {
    super(reason)
    this.status = status
  }
}
