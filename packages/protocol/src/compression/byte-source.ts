/**
 * Decompression is pulled: the reader gives room, the source fills it. A source holds no more than one window of its
 * format, and grows by what the compressed bytes hold, never by what they claim.
 */
export interface ByteSource {
  /** Writes up to `length` bytes into `target` at `offset` and returns how many; 0 only at the end. Throws {@link RecordDecodeError}. */
  read(target: Buffer, offset: number, length: number): number
  /** Gives native memory back. May be called twice. */
  close(): void
}

/** Serves bytes that are there already. */
export class BufferSource implements ByteSource {
  private readonly bytes: Buffer
  private position = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  read(target: Buffer, offset: number, length: number): number {
    const copied = this.bytes.copy(target, offset, this.position, Math.min(this.position + length, this.bytes.length))
    this.position += copied
    return copied
  }

  close(): void {}
}
