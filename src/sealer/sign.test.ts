import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex, toHex, utf8 } from '../base/bytes.ts'
import { isSignedBy, Signer } from './sign.ts'

const hex = (text: string) => fromHex(text) as Uint8Array

// RFC 8032, section 7.1, tests 1 to 3.
const VECTORS = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    verifyKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    verifyKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    verifyKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
]

test.each(VECTORS)(
  'signs as RFC 8032 does: $message',
  ({ seed, verifyKey, message, signature }) => {
    const signer = new Signer(hex(seed))
    expect(toHex(signer.verifyKey)).toBe(verifyKey)
    expect(toHex(signer.sign(hex(message)))).toBe(signature)
    const signed = { verifyKey: hex(verifyKey), message: hex(message), signature: hex(signature) }
    expect(isSignedBy(signed)).toBe(true)
  },
)

test('anything else than what was signed, by whom it was signed, is refused', () => {
  const signer = new Signer(new Uint8Array(32).fill(1))
  const message = utf8('message')
  const signature = signer.sign(message)
  const { verifyKey } = signer
  for (const part of ['message', 'signature', 'verifyKey'] as const) {
    const right = { message, signature, verifyKey }
    for (let bit = 0; bit < 8 * right[part].length; bit++) {
      const changed = right[part].slice()
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(isSignedBy({ ...right, [part]: changed })).toBe(false)
    }
  }
})

test('keys and signatures of any bytes and lengths are refused, never an error', () => {
  const bytes = fc.uint8Array({ maxLength: 80 })
  fc.assert(
    fc.property(bytes, bytes, bytes, (verifyKey, message, signature) => {
      expect(isSignedBy({ verifyKey, message, signature })).toBe(false)
    }),
  )
})
