import { expect, test } from 'vitest'
import { sampleRepository } from '../../../test/repositories/sample.ts'
import { loadIndex } from '../../repository/index-load.ts'
import { selectDomain } from '../../repository/repository.ts'
import { Window } from './window.ts'
import { WritePool } from './write-pool.ts'

test('workers that cannot begin fail what is asked of them, then and later, and can be stopped', async () => {
  const { repository, store } = await sampleRepository({ a: 'a' })
  const domain = selectDomain(repository)
  const index = await loadIndex(repository, domain)
  // No such descriptor: a worker cannot open the target.
  const setup = { dataIdKey: new Uint8Array(32), rootFd: 999_999, owners: 'keep' as const }
  const pool = new WritePool({ store, domain, index, workers: 2, setup })
  const pack = index.packs.findIndex(({ kind }) => kind === 'data-pack')
  const window = new Window({ owners: 'keep', isFirst: true })
  const range = { pack, offset: 32, length: 10, window, frames: [] }
  for (let round = 0; round < 2; round++) {
    await expect(pool.run([range, range, range], () => undefined)).rejects.toThrow(
      /open the target/,
    )
  }
  await pool.stop()
})
