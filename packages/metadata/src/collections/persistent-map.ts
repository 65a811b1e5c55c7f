// An immutable hash map with structural sharing (a bitmap trie of 32-way nodes, Bagwell's HAMT): `set` and `delete`
// answer a new map and copy only the path to the key, so an image of 10,000 topics costs the same to change as one of
// ten, and an older image stays what it was. Keys are strings or whole numbers. Iteration follows the hash: it is the
// same for the same keys whatever their history (but for keys of one full hash), and it is not sorted.

export type PersistentKey = string | number

interface Leaf<K, V> {
  readonly hash: number
  readonly key: K
  readonly value: V
}

/** Keys of one full 32-bit hash. */
interface Collision<K, V> {
  readonly hash: number
  readonly leaves: readonly Leaf<K, V>[]
}

interface Branch<K, V> {
  readonly bitmap: number
  readonly slots: readonly Slot<K, V>[]
}

type Slot<K, V> = Leaf<K, V> | Collision<K, V> | Branch<K, V>

const EMPTY_BRANCH: Branch<never, never> = { bitmap: 0, slots: [] }

export class PersistentMap<K extends PersistentKey, V> implements Iterable<[K, V]> {
  readonly size: number
  readonly #root: Branch<K, V>

  private constructor(root: Branch<K, V>, size: number) {
    this.#root = root
    this.size = size
  }

  static readonly #EMPTY = new PersistentMap<never, never>(EMPTY_BRANCH, 0)

  static empty<K extends PersistentKey, V>(): PersistentMap<K, V> {
    return PersistentMap.#EMPTY as unknown as PersistentMap<K, V>
  }

  static #make<K extends PersistentKey, V>(root: Branch<K, V>, size: number): PersistentMap<K, V> {
    return size === 0 ? PersistentMap.empty() : new PersistentMap(root, size)
  }

  get(key: K): V | undefined {
    return this.#leaf(key)?.value
  }

  has(key: K): boolean {
    return this.#leaf(key) !== undefined
  }

  /** The map with `key` → `value`; itself when the very same value is there already. */
  set(key: K, value: V): PersistentMap<K, V> {
    const existing = this.#leaf(key)
    if (existing !== undefined && existing.value === value) return this
    const leaf = { hash: hashOf(key), key, value }
    return PersistentMap.#make(withLeaf(this.#root, 0, leaf), existing === undefined ? this.size + 1 : this.size)
  }

  /** The map without `key`; itself when the key is absent. */
  delete(key: K): PersistentMap<K, V> {
    if (!this.has(key)) return this
    return PersistentMap.#make(withoutKey(this.#root, 0, hashOf(key), key), this.size - 1)
  }

  *[Symbol.iterator](): Generator<[K, V]> {
    for (const leaf of leaves(this.#root)) yield [leaf.key, leaf.value]
  }

  *keys(): Generator<K> {
    for (const leaf of leaves(this.#root)) yield leaf.key
  }

  *values(): Generator<V> {
    for (const leaf of leaves(this.#root)) yield leaf.value
  }

  #leaf(key: K): Leaf<K, V> | undefined {
    const hash = hashOf(key)
    let branch = this.#root
    for (let shift = 0; ; shift += 5) {
      const bit = 1 << ((hash >>> shift) & 31)
      if ((branch.bitmap & bit) === 0) return undefined
      const slot = branch.slots[countBits(branch.bitmap & (bit - 1))]
      if ('slots' in slot) branch = slot
      else if ('leaves' in slot) return slot.hash === hash ? slot.leaves.find((leaf) => leaf.key === key) : undefined
      else return slot.key === key ? slot : undefined
    }
  }
}

/** Murmur3's finaliser over a number or over the usual polynomial of a string, so that low bits differ first. */
function hashOf(key: PersistentKey): number {
  let hash = 0
  if (typeof key === 'number') hash = key | 0
  else for (let index = 0; index < key.length; index++) hash = (Math.imul(hash, 31) + key.charCodeAt(index)) | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function countBits(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x55555555)
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

function withLeaf<K, V>(branch: Branch<K, V>, shift: number, leaf: Leaf<K, V>): Branch<K, V> {
  const bit = 1 << ((leaf.hash >>> shift) & 31)
  const index = countBits(branch.bitmap & (bit - 1))
  if ((branch.bitmap & bit) === 0) return { bitmap: branch.bitmap | bit, slots: branch.slots.toSpliced(index, 0, leaf) }
  return { bitmap: branch.bitmap, slots: branch.slots.with(index, merge(branch.slots[index], shift + 5, leaf)) }
}

function merge<K, V>(slot: Slot<K, V>, shift: number, leaf: Leaf<K, V>): Slot<K, V> {
  if ('slots' in slot) return withLeaf(slot, shift, leaf)
  if ('leaves' in slot) {
    if (slot.hash !== leaf.hash) return split(slot, shift, leaf)
    const at = slot.leaves.findIndex((other) => other.key === leaf.key)
    return { hash: slot.hash, leaves: at < 0 ? [...slot.leaves, leaf] : slot.leaves.with(at, leaf) }
  }
  if (slot.key === leaf.key) return leaf
  return slot.hash === leaf.hash ? { hash: leaf.hash, leaves: [slot, leaf] } : split(slot, shift, leaf)
}

/** Two slots of different hashes, one level or more further down. */
function split<K, V>(slot: Leaf<K, V> | Collision<K, V>, shift: number, leaf: Leaf<K, V>): Branch<K, V> {
  const slotBits = (slot.hash >>> shift) & 31
  const leafBits = (leaf.hash >>> shift) & 31
  if (slotBits === leafBits) return { bitmap: 1 << slotBits, slots: [split(slot, shift + 5, leaf)] }
  return { bitmap: (1 << slotBits) | (1 << leafBits), slots: slotBits < leafBits ? [slot, leaf] : [leaf, slot] }
}

/** The caller knows that `key` is there. A branch left with one leaf is replaced by the leaf, so that the shape follows from the keys alone. */
function withoutKey<K, V>(branch: Branch<K, V>, shift: number, hash: number, key: K): Branch<K, V> {
  const bit = 1 << ((hash >>> shift) & 31)
  const index = countBits(branch.bitmap & (bit - 1))
  const slot = branch.slots[index]
  let replacement: Slot<K, V> | undefined
  if ('slots' in slot) {
    const child = withoutKey(slot, shift + 5, hash, key)
    replacement = child.slots.length === 1 && !('slots' in child.slots[0]) ? child.slots[0] : child
  } else if ('leaves' in slot) {
    const rest = slot.leaves.filter((leaf) => leaf.key !== key)
    replacement = rest.length === 1 ? rest[0] : { hash, leaves: rest }
  }
  if (replacement === undefined) return { bitmap: branch.bitmap & ~bit, slots: branch.slots.toSpliced(index, 1) }
  return { bitmap: branch.bitmap, slots: branch.slots.with(index, replacement) }
}

function* leaves<K, V>(branch: Branch<K, V>): Generator<Leaf<K, V>> {
  for (const slot of branch.slots) {
    if ('slots' in slot) yield* leaves(slot)
    else if ('leaves' in slot) yield* slot.leaves
    else yield slot
  }
}
