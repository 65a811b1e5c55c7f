/** Levenshtein's: how many letters are put in, taken out or changed to make `b` of `a`. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]
}

/** The name that was probably meant, if one is near. */
export function closest(given: string, names: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined
  for (const name of names) {
    const distance = editDistance(given, name)
    if (best === undefined || distance < best.distance) best = { name, distance }
  }
  // a word of two letters has nothing left of it when both are changed
  return best !== undefined && best.distance <= Math.max(2, given.length / 3) && best.distance < given.length ? best.name : undefined
}
