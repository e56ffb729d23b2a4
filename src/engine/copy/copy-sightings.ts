// How old a copy is: as old as its original, which the target's upkeep writes down before the copy counts.
// Otherwise all copies would be of today, and retention would keep one of them for each day, month and year.
// Who holds no such right copies all the same.

import type { Bytes } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import type { Snapshot } from '../../repository/snapshots.ts'
import { putUpkeepRecord } from '../../repository/upkeep-records.ts'
import { upkeepSignatory } from '../../repository/upkeep-signatory.ts'
import { digestInName } from '../../store/names.ts'
import { loadSightings, receivedMsOf, type Sightings } from '../sightings.ts'
import type { CopyOptions } from './options.ts'

export class CopySightings {
  readonly #options: Pick<CopyOptions, 'source' | 'target' | 'domain'>
  #sightings: Promise<Sightings> | undefined

  constructor(options: Pick<CopyOptions, 'source' | 'target' | 'domain'>) {
    this.#options = options
  }

  /** `name` is the copy's. Throws what the stores throw. */
  async record(original: Snapshot, name: string): Promise<void> {
    const { source, target, domain } = this.#options
    if (!this.#mayRecord()) return
    this.#sightings ??= loadSightings(source, { onlyReading: true })
    const receivedMs = receivedMsOf(await this.#sightings, original)
    const record = { snapshots: [{ snapshot: digestInName(name) as Bytes, receivedMs }], moved: [] }
    await putUpkeepRecord(target, { kind: 'sighting', domain, record })
  }

  #mayRecord(): boolean {
    const { target, domain } = this.#options
    try {
      upkeepSignatory(target, domain)
      return true
    } catch (error) {
      if (isCairnError(error, 'not-permitted')) return false
      throw error
    }
  }
}
