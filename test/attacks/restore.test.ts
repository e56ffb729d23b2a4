// Who holds a writer's key of the same domain says in its own index that it has what others stored: what was
// there before is still what is read.

import { expect, test } from 'vitest'
import { concat, utf8 } from '../../src/base/bytes.ts'
import { check } from '../../src/engine/check.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { readPackHeader } from '../../src/repository/pack-headers.ts'
import { selectDomain } from '../../src/repository/repository.ts'
import { beginSession } from '../../src/sealer/session.ts'
import { putPack, putSegment } from '../repositories/packs.ts'
import { HOUR_MS, Siege } from './siege.ts'

/** A pack of lies for every pack that is there, and an index that names them. */
async function lie(siege: Siege): Promise<void> {
  const domain = selectDomain(siege.attacker)
  const keys = beginSession(domain.scope, domain.latest)
  const packs = []
  const found = []
  for await (const { name, size } of siege.store.list('packs/'))
    found.push(await readPackHeader(siege.store, { name, packBytes: size }, [siege.domain]))
  for (const read of found) {
    if (read === undefined) continue
    const { ids } = read.header
    for (let at = 0; at < ids.length; at += 32) {
      const blobs = [{ blob: utf8('a lie'), id: concat([ids.subarray(at, at + 32)]) as BlobId }]
      packs.push(await putPack(siege.attacker, { kind: read.indexed.kind, blobs, domain, keys }))
    }
  }
  await putSegment(siege.attacker, { domain, packs })
}

async function lostIn(siege: Siege): Promise<readonly string[]> {
  const { problems } = await check({
    repository: siege.owner,
    mode: 'read-data',
    workers: 1,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onProblem: () => undefined,
  })
  return problems.flatMap(({ snapshots = [] }) => snapshots)
}

test('snapshots from before the lie are read from where they were', async () => {
  for (let round = 0; round < 4; round++) {
    const siege = await Siege.begin()
    const saved = [await siege.save(['one', 'two']), await siege.save(['three'])]
    siege.nowMs += HOUR_MS
    await lie(siege)
    const lost = await lostIn(siege)
    for (const id of saved) expect(lost).not.toContain(id)
  }
})
