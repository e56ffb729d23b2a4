import { expect, test } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { digestOf, getVerified, putContent } from './content.ts'
import { withFaults } from './fault.ts'
import { openMemory } from './memory.ts'
import { VirtualClock } from './virtual-clock.ts'

const clock = new VirtualClock()
const parts = [utf8('a'), utf8('bc')]

test('an object is named by the SHA-256 of its parts together', async () => {
  const store = openMemory({ clock })
  const name = await putContent(store, { folder: 'packs', parts })
  // printf abc | sha256sum
  const hex = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  expect(name).toBe(`packs/ba/${hex}`)
  expect(digestOf([utf8('abc')])).toEqual(digestOf(parts))
  expect(await getVerified(store, name)).toEqual(utf8('abc'))
})

test('any bit flipped on the way is damage that names the object', async () => {
  const memory = openMemory({ clock })
  const name = await putContent(memory, { folder: 'index', parts })
  for (let bit = 0; bit < 24; bit++) {
    const store = withFaults(memory, { clock, decide: () => ({ kind: 'flip', bit }) })
    await expect(getVerified(store, name)).rejects.toMatchObject({
      code: 'object-damaged',
      context: { object: name },
    })
  }
})

test('what is not named by its content cannot be verified by it', async () => {
  await expect(getVerified(openMemory({ clock }), 'config/1')).rejects.toThrow('Bug in Cairn')
})
