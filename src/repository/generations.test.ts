// Opening a repository of which single objects cannot be read: people get in with what there is, and nobody
// changes what they have not read.

import { beforeEach, expect, test } from 'vitest'
import {
  copySample,
  flipBit,
  namesOf,
  newSecret,
  type Sample,
  type SecretKey,
  sampleRepository,
  withBadSectors,
} from '../../test/repositories/sample.ts'
import { systemClock } from '../base/clock.ts'
import { systemRandom } from '../sealer/random.ts'
import { configName, keyringName } from './generations.ts'
import { addGrant } from './grants-add.ts'
import { removeGrant } from './grants-remove.ts'
import { openRepository, type Repository } from './repository.ts'

let original: Sample | undefined
let sample: Sample
let writer: { readonly name: string; readonly key: SecretKey }

/** A second config and keyring, with a domain of its own for a writer. */
beforeEach(async () => {
  original ??= await sampleRepository()
  sample = await copySample(original)
  writer = await give(sample.repository, 'laptop')
})

async function give(repository: Repository, label: string) {
  const key = newSecret()
  const giving = { label, ...key, random: systemRandom, clock: systemClock }
  return { key, name: await addGrant(repository, { role: 'writer', ...giving }) }
}

function openWithBad(isBad: (name: string) => boolean, key: SecretKey = sample.owner) {
  return openRepository(withBadSectors(sample.store, isBad), key)
}

const unreadable = { code: 'store-unreadable' }

test('the config before the newest is taken where that cannot be read, and it is told', async () => {
  const repository = await openWithBad((name) => name === configName(2))
  expect(repository.config.generation).toBe(1)
  expect(repository.skipped).toMatchObject([{ name: configName(2), withheld: unreadable }])
})

test.each(['damaged', 'on a bad sector'])(
  'the keyring before the newest is taken where that is %s, and it is told',
  async (how) => {
    if (how === 'damaged') await flipBit(sample.store, { name: keyringName(2), offset: 100 })
    const repository = await openWithBad((name) => how !== 'damaged' && name === keyringName(2))
    expect(repository.ownership?.keyring.generation).toBe(1)
    expect(repository.skipped.map(({ name }) => name)).toEqual([keyringName(2)])
  },
)

test('what has not been read is not changed: keys of a domain would be lost', async () => {
  for (const bad of [keyringName(2), configName(2)]) {
    const repository = await openWithBad((name) => name === bad)
    const before = await namesOf(sample.store, '')
    await expect(give(repository, 'web1')).rejects.toMatchObject(unreadable)
    await expect(removeGrant(repository, writer.name)).rejects.toMatchObject(unreadable)
    // A new domain may be in the keyring already: that comes first, and harms nobody.
    const after = await namesOf(sample.store, '')
    expect(after.filter((name) => name !== keyringName(3) || bad === name)).toEqual(before)
  }
  const readable = await openRepository(sample.store, sample.owner)
  expect(readable.domains.map(({ label }) => label)).toContain('laptop')
})

test('where no generation can be read it is the store that is named', async () => {
  for (const folder of ['config/', 'keys/keyring-'])
    await expect(openWithBad((name) => name.startsWith(folder))).rejects.toMatchObject(unreadable)
})

test("another's grant that cannot be read keeps nobody out", async () => {
  const repository = await openWithBad((name) => name === writer.name)
  expect(repository.role).toBe('owner')
  const opened = await openWithBad((name) => name === sample.repository.grantName, writer.key)
  expect(opened.role).toBe('writer')
})

test('nobody is told of a wrong passphrase while their grant cannot be read', async () => {
  await expect(openWithBad((name) => name === writer.name, writer.key)).rejects.toMatchObject(
    unreadable,
  )
  await expect(openWithBad(() => false, newSecret())).rejects.toMatchObject({
    code: 'wrong-passphrase',
  })
})
