// Reading an object of the source so that what is copied is what was stored, as far as that shows without a
// key: almost everything is named by its SHA-256, a config is signed with a key that it names itself, and
// a keyring at least begins as one.

import type { Bytes } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import { decode } from '../../format/codec.ts'
import { configCodec } from '../../format/config.ts'
import { decodeMark } from '../../format/mark.ts'
import { expectPrefix, PREFIX_BYTES } from '../../format/prefix.ts'
import { SIGNATURE_BYTES } from '../../format/signing.ts'
import {
  isConfigName,
  isGrantAsNamed,
  isGrantName,
  openConfig,
} from '../../repository/generations.ts'
import { objectBytesMax, readObject } from '../../repository/read-object.ts'
import type { ObjectInfo, Store } from '../../store/store.ts'

/**
 * The bytes, no more than were listed: that bounds the memory of all that is on its way. Throws
 * 'object-damaged', or what the store throws.
 */
export async function readSound(store: Store, { name, size }: ObjectInfo): Promise<Bytes> {
  const object = await readObject(store, name, { bytesMax: Math.min(size, objectBytesMax(name)) })
  if (isGrantName(name)) expectNamed(name, object)
  else if (isConfigName(name)) expectSigned(object)
  else if (name.startsWith('keys/')) expectKeyring(object)
  // One that says nothing would keep the next sync from knowing what may be put.
  else if (name.startsWith('marks/')) expectMark(object)
  return object
}

function expectNamed(name: string, object: Bytes): void {
  if (isGrantAsNamed(name, object)) return
  throw new CairnError('object-damaged', `the SHA-256 of ${name} is not its name`)
}

/** What a later version wrote is copied as it is. */
function expectSigned(object: Bytes): void {
  try {
    expectPrefix(object, 'config')
    openConfig(object, decode(configCodec, object.subarray(PREFIX_BYTES + SIGNATURE_BYTES)))
  } catch (error) {
    if (!isCairnError(error, 'unsupported')) throw error
  }
}

function expectMark(object: Bytes): void {
  try {
    decodeMark(object)
  } catch (error) {
    if (!isCairnError(error, 'unsupported')) throw error
  }
}

function expectKeyring(object: Bytes): void {
  try {
    expectPrefix(object, 'keyring')
  } catch (error) {
    if (!isCairnError(error, 'unsupported')) throw error
  }
}
