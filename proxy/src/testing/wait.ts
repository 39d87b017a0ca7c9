function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(5)
}

/** The value that no longer changes, once it has begun to. */
export async function settled(value: () => number): Promise<number> {
  let before = 0
  for (;;) {
    await pause(200)
    const now = value()
    if (now > 0 && now === before) return now
    before = now
  }
}
