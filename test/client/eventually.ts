// Brokers learn of changes a moment after the controller has made them: a check is tried until it holds.
export async function eventually<T>(check: () => Promise<T> | T, timeoutMs = 10_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      // What the broker does not have it will not have in a moment.
      if (performance.now() > deadline || (error as { code?: unknown }).code === 'UNSUPPORTED_VERSION') throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
