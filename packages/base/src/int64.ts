// int64 is `number` in this house. These two longs stand for "no limit" and the like all over Kafka; as doubles they are
// the powers of two beside them, and codecs write them back exactly.

/** Java's Long.MAX_VALUE. */
export const LONG_MAX = 2 ** 63
/** Java's Long.MIN_VALUE. */
export const LONG_MIN = -(2 ** 63)
