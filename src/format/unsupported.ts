// What a decoder throws on what this version of the format does not know. It cannot tell a later version from
// a flipped bit in the few bytes that say so, and must not seem to.

import { CairnError } from '../base/errors.ts'

export function unsupported(message: string): CairnError {
  return new CairnError('unsupported', message, {
    hint:
      'A newer version of Cairn may have written it, or it is damaged: one flipped bit is enough. ' +
      'Compare it with another copy, or use a newer version. Until then nothing here may be deleted. ' +
      'Where nobody has a newer version, somebody who may write to the store has put it: ' +
      '`cairn repair --set-aside NAME` takes it out of the way.',
  })
}
