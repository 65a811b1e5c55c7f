/**
 * The one list of settings that have an effect in what is built. COMPATIBILITY.md is generated from it, and a test finds each name in
 * a source outside of this package. Add a setting in the commit that reads it.
 */
export const brokerEffects: readonly string[] = []

export const topicEffects: readonly string[] = []
