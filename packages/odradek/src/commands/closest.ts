import { editDistance } from '@odradek/base'

/** The name that was probably meant, if one is near. */
export function closest(given: string, names: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined
  for (const name of names) {
    const distance = editDistance(given, name)
    if (best === undefined || distance < best.distance) best = { name, distance }
  }
  return best !== undefined && best.distance <= Math.max(2, given.length / 3) ? best.name : undefined
}
