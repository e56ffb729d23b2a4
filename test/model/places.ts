// Two repositories in one space of objects: what the copy holds has names of its own, so that all the rest of
// the model need not know that there are two stores (views.ts). Configs and keys are no objects of the model: nobody
// changes them.

/** Where a repository is: before all names of its objects. */
export type Place = '' | 'copy/'
export const SOURCE: Place = ''
export const COPY: Place = 'copy/'

/** What a name is in its own repository. */
export function nameWithin(name: string): string {
  return name.startsWith(COPY) ? name.slice(COPY.length) : name
}

export function placeOf(name: string): Place {
  return name.startsWith(COPY) ? COPY : SOURCE
}

/** The folder of a name, its place before it. */
export function folderOf(name: string): string {
  const within = nameWithin(name)
  return `${placeOf(name)}${within.slice(0, within.indexOf('/'))}/`
}

/** Leases never matter to safety. */
export function isLease(name: string): boolean {
  return nameWithin(name).startsWith('leases/')
}

export function isFixed(name: string): boolean {
  return /^(config|keys)\//.test(name)
}

/** These folders, in both repositories. */
export function inBoth(folders: readonly string[]): readonly string[] {
  return [...folders, ...folders.map((folder) => `${COPY}${folder}`)]
}
