// A grant that its holder wrapped anew, and how the owner knows it again. The keyring lists what was given
// out by the names of the objects, and only the owner can change it; a new passphrase makes a new object.
//
// So the salt of the new one, which has to be different each time and nothing else, is 16 random bytes and
// 16 that follow from them and from what the keyring says of the grant, under a header key that its holder
// and the owner have. To anybody else it looks as random as any. It is the holder's word, not a proof: who
// has the header key could say so of another's grant, and a holder who means no good wraps its keys in
// some other way.

import { type Bytes, concat, equalBytes } from '../base/bytes.ts'
import { deriveKey, KeyedHasher } from '../base/hash.ts'
import { encode } from '../format/codec.ts'
import { type Grant, type Issued, issuedCodec, type Wrapping } from '../format/keys.ts'
import type { Ownership } from './repository.ts'

const RANDOM_BYTES = 16

/** The wrapping for a grant that is there already: its salt says to the owner which one it is. */
export function wrappingAgain(grant: Grant, wrapping: Wrapping): Wrapping {
  const headerKey = grant.domains[0]?.epochs[0]?.headerKey
  if (headerKey === undefined) return wrapping
  const domains = grant.domains.map(({ id }) => id)
  const random = wrapping.salt.subarray(0, RANDOM_BYTES)
  return { ...wrapping, salt: saltOf({ ...grant, domains }, { headerKey, random }) }
}

type Identity = Pick<Issued, 'role' | 'label' | 'createdMs' | 'domains'>

function saltOf(
  { role, label, createdMs, domains }: Identity,
  { headerKey, random }: { readonly headerKey: Bytes; readonly random: Bytes },
): Bytes {
  const fixed = { name: '', role, label, createdMs, domains, certificateId: undefined }
  const hasher = new KeyedHasher(deriveKey('cairn v1 grant again', headerKey))
  const hash = hasher.hash(concat([random, encode(issuedCodec, fixed)]))
  return concat([random, hash.subarray(0, RANDOM_BYTES)])
}

/** The grant that was given out and is now stored under this name; undefined where none is known to be. */
export function issuedAs(
  { keyring }: Pick<Ownership, 'keyring'>,
  { name, wrapping }: { readonly name: string; readonly wrapping: Wrapping | undefined },
): Issued | undefined {
  const known = keyring.issued.find((issued) => issued.name === name)
  if (known !== undefined || wrapping === undefined) return known
  const random = wrapping.salt.subarray(0, RANDOM_BYTES)
  return keyring.issued.find((issued) => {
    const domain = keyring.domains.find(({ id }) => isFirst(issued, id))
    const keys = domain?.epochs.map(({ headerKey }) => headerKey) ?? []
    return keys.some((headerKey) =>
      equalBytes(saltOf(issued, { headerKey, random }), wrapping.salt),
    )
  })
}

function isFirst({ role, domains: [first] }: Issued, id: Bytes): boolean {
  return role !== 'owner' && first !== undefined && equalBytes(first, id)
}
