// As much of DER (X.690) as key stores need: a tree of tags and contents, read strictly inside the bytes there are.

export interface DerNode {
  readonly tag: number
  readonly content: Buffer
  /** With header. */
  readonly bytes: Buffer
}

export const Tag = { INTEGER: 0x02, OCTET_STRING: 0x04, OID: 0x06, SEQUENCE: 0x30, CONTEXT_0: 0xa0, CONTEXT_0_PRIMITIVE: 0x80 } as const

/** Throws a RangeError where the bytes are cut or a length lies. */
export function derNodes(bytes: Buffer): DerNode[] {
  const nodes: DerNode[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at)
    const first = bytes.readUInt8(at + 1)
    const lengthBytes = first < 0x80 ? 0 : first - 0x80
    if (lengthBytes > 4 || first === 0x80) throw new RangeError('a length is not of DER')
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes)
    const start = at + 2 + lengthBytes
    if (start + length > bytes.length) throw new RangeError('a length goes beyond the end')
    nodes.push({ tag, content: bytes.subarray(start, start + length), bytes: bytes.subarray(at, start + length) })
    at = start + length
  }
  return nodes
}

/** The nodes inside; of a string of octets, those that it holds. */
export function children(node: DerNode | undefined, tag: number = Tag.SEQUENCE): DerNode[] {
  return derNodes(expect(node, tag).content)
}

export function expect(node: DerNode | undefined, tag: number): DerNode {
  if (node?.tag !== tag) throw new RangeError(`tag ${tag} was expected, not ${node?.tag}`)
  return node
}

/** `1.2.840.…` */
export function oidOf(node: DerNode | undefined): string {
  const { content } = expect(node, Tag.OID)
  const arcs: number[] = []
  let arc = 0
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f)
    if (byte >= 0x80) continue
    arcs.push(arc)
    arc = 0
  }
  const [first = 0, ...rest] = arcs
  const root = Math.min(2, Math.floor(first / 40))
  return [root, first - root * 40, ...rest].join('.')
}

export function integerOf(node: DerNode | undefined): number {
  const { content } = expect(node, Tag.INTEGER)
  if (content.length === 0 || content.length > 6) throw new RangeError('a number is too long')
  return content.readIntBE(0, content.length)
}
