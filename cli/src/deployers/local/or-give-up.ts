/**
 * Waits for something that was begun, and gives it up, once or more often, when it fails or the
 * signal aborts.
 * @throws the reason of the signal once it has aborted, else what `work` throws
 */
export async function orGiveUp(work: () => Promise<unknown>, giveUp: () => void, signal: AbortSignal): Promise<void> {
  signal.addEventListener('abort', giveUp)
  try {
    await work()
  } catch (error) {
    giveUp()
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
