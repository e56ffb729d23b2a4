import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { type Claim, Signer } from './sign.ts'
import { Verifier } from './verifier.ts'

const signer = new Signer(new Uint8Array(32).fill(1))

function claimOf(text: string): Claim {
  const message = utf8(text)
  return { message, signature: signer.sign(message), verifyKey: signer.verifyKey }
}

async function verdictsOn(
  claims: readonly Claim[],
  { isMany }: { readonly isMany: boolean },
): Promise<readonly boolean[]> {
  const verifier = new Verifier({ isMany })
  try {
    expect(claims.map((claim) => verifier.add(claim))).toEqual(claims.map((_, i) => i))
    return await verifier.verdicts()
  } finally {
    await verifier.stop()
  }
}

const WHERE = [
  ['here', { isMany: false }],
  ['on another thread', { isMany: true }],
] as const

test.each(WHERE)('%s what is signed is accepted, and anything else refused', async (_, where) => {
  const right = claimOf('message')
  const claims = [right]
  for (const part of ['message', 'signature', 'verifyKey'] as const) {
    for (let byte = 0; byte < right[part].length; byte++) {
      const changed = Uint8Array.from(right[part])
      changed[byte] = (changed[byte] as number) ^ 1
      claims.push({ ...right, [part]: changed })
    }
  }
  const expected = claims.map((_, i) => i === 0)
  expect(await verdictsOn(claims, where)).toEqual(expected)
})

test.each(WHERE)(
  '%s keys and signatures of any bytes and lengths are refused',
  async (_, where) => {
    const bytes = fc.uint8Array({ maxLength: 80 })
    const any = fc.record({ verifyKey: bytes, message: bytes, signature: bytes })
    const claims = [...fc.sample(any, 300), claimOf('')]
    expect(await verdictsOn(claims, where)).toEqual(claims.map((_, i) => i === claims.length - 1))
  },
)

test('thousands are told of in their order, and more may be asked for afterwards', async () => {
  const claims = Array.from({ length: 1000 }, (_, i) => claimOf(String(i)))
  const wrong = (i: number) => i % 7 === 3
  const mixed = claims.map((claim, i) => (wrong(i) ? { ...claim, message: utf8('else') } : claim))
  const verifier = new Verifier({ isMany: true })
  for (const claim of mixed) verifier.add(claim)
  expect(await verifier.verdicts()).toEqual(mixed.map((_, i) => !wrong(i)))
  const next = verifier.add(claimOf('one more'))
  expect((await verifier.verdicts())[next]).toBe(true)
  await verifier.stop()
})

test.each([
  ['cannot begin', 'throw new Error("no memory")', 'no memory'],
  ['ends by itself', 'process.exit(3)', 'ended with code 3'],
])('a worker that %s fails what is asked', async (_, text, message) => {
  const module = new URL(`data:text/javascript,${text}`)
  const verifier = new Verifier({ isMany: true, module })
  verifier.add(claimOf('message'))
  await expect(verifier.verdicts()).rejects.toThrow(message)
  await expect(verifier.verdicts()).rejects.toThrow(message)
  await verifier.stop()
})
