/** Runs `work` over `items`, `limit` at a time. Stops handing out at the first failure, which it throws. */
export async function atMost<T>(limit: number, items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++])
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker)).catch((error: unknown) => {
    next = items.length
    throw error
  })
}
