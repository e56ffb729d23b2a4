// Which packs a partial check reads. A pack's place is where its name, a hash, lies between 0 and 1. Each
// run takes the window behind that of the run before, however wide both are, so that successive runs read
// everything, and packs that are added meanwhile do not shift the others.

export interface Subset {
  /** Above 0 and up to 100. */
  readonly percent: number
  /** Where the run before ended, between 0 and 1. */
  readonly start: number
}

/** Where the next run goes on. */
export function endOf({ percent, start }: Subset): number {
  return (start + widthOf(percent)) % 1
}

function widthOf(percent: number): number {
  return Math.min(1, percent / 100)
}

/** The packs of the window; always one at least where there is any. */
export function choosePacks<T extends { readonly name: string }>(
  packs: readonly T[],
  { percent, start }: Subset,
): readonly T[] {
  const width = widthOf(percent)
  const distance = (pack: T) => (placeOf(pack.name) - start + 1) % 1
  const chosen = packs.filter((pack) => distance(pack) < width)
  if (chosen.length > 0 || packs.length === 0) return chosen
  return [packs.reduce((nearest, one) => (distance(one) < distance(nearest) ? one : nearest))]
}

/** Where the hash at the end of a name lies between 0 and 1. */
function placeOf(name: string): number {
  return Number.parseInt(name.slice(-64, -56), 16) / 2 ** 32
}
