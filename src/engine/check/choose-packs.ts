// Which packs a partial check reads. A pack's place is where its name, a hash, lies between 0 and 1. Each
// turn takes the window behind that of the turn before, so that successive turns read everything, and
// packs that are added meanwhile do not shift the others.

export interface Subset {
  /** Above 0 and up to 100. */
  readonly percent: number
  /** Counts the runs. */
  readonly turn: number
}

/** The packs of the window; always one at least where there is any. */
export function choosePacks<T extends { readonly name: string }>(
  packs: readonly T[],
  { percent, turn }: Subset,
): readonly T[] {
  const width = Math.min(1, percent / 100)
  const start = (turn * width) % 1
  const distance = (pack: T) => (placeOf(pack.name) - start + 1) % 1
  const chosen = packs.filter((pack) => distance(pack) < width)
  if (chosen.length > 0 || packs.length === 0) return chosen
  return [packs.reduce((nearest, one) => (distance(one) < distance(nearest) ? one : nearest))]
}

/** Where the hash at the end of a name lies between 0 and 1. */
function placeOf(name: string): number {
  return Number.parseInt(name.slice(-64, -56), 16) / 2 ** 32
}
