/**
 * Kafka's Uuid in its text form: base64url without padding, 22 characters (KIP-516). Text, so that it is a map key;
 * the 16 bytes exist on the wire only.
 */
export type Uuid = string

export const ZERO_UUID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAA'
/** The topic id of `__cluster_metadata` (KIP-516): 0, 1. */
export const METADATA_TOPIC_ID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAQ'

/** Reads 16 bytes at `offset`; the caller has checked that they are there. */
export function readUuid(buffer: Buffer, offset: number): Uuid {
  return buffer.toString('base64url', offset, offset + 16)
}

/** Writes the 16 bytes of `uuid` at `offset`. Throws a RangeError when the text is not a Uuid. */
export function writeUuid(buffer: Buffer, offset: number, uuid: Uuid): void {
  if (uuid.length !== 22 || buffer.write(uuid, offset, 16, 'base64url') !== 16) throw new RangeError(`not a Uuid: ${JSON.stringify(uuid)}`)
}

export function isUuid(text: string): boolean {
  return /^[A-Za-z0-9_-]{21}[AQgw]$/.test(text)
}

/** A random version-4 Uuid as Kafka makes them: never reserved, never with a leading dash. `random` gives 16 bytes. */
export function randomUuid(random: (size: number) => Buffer): Uuid {
  for (;;) {
    const bytes = Buffer.from(random(16))
    bytes[6] = (bytes[6] & 0x0f) | 0x40
    bytes[8] = (bytes[8] & 0x3f) | 0x80
    const text = readUuid(bytes, 0)
    if (!text.startsWith('-')) return text
  }
}
