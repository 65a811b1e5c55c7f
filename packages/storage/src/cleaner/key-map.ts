// The latest offset of every key of a dirty range, within a byte budget. Keys are kept whole, so that two keys are never
// taken for one. Many small maps instead of one: a map of a million entries stops the event loop when it grows.

const SHARDS = 256
/** What an entry takes beside the bytes of its key, about. */
const ENTRY_BYTES = 72

export class KeyMap {
  private readonly budgetBytes: number
  private shards: Map<string, number>[] = []
  private usedBytes = 0
  /** The greatest offset of all that was put, and of all batches that were read whole; -1 when none. */
  latestOffset = -1
  size = 0

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes
    for (let i = 0; i < SHARDS; i++) this.shards.push(new Map())
  }

  get isFull(): boolean {
    return this.usedBytes >= this.budgetBytes
  }

  put(bytes: Buffer, start: number, end: number, offset: number): void {
    const shard = this.shards[shardOf(bytes, start, end)]
    const key = bytes.toString('latin1', start, end)
    const { size } = shard
    shard.set(key, offset)
    if (shard.size > size) {
      this.usedBytes += ENTRY_BYTES + key.length
      this.size++
    }
    if (offset > this.latestOffset) this.latestOffset = offset
  }

  /** -1 when the key was never put. */
  get(bytes: Buffer, start: number, end: number): number {
    return this.shards[shardOf(bytes, start, end)].get(bytes.toString('latin1', start, end)) ?? -1
  }
}

function shardOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start
  for (let at = Math.max(start, end - 8); at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]) | 0
  return (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (SHARDS - 1)
}
