// Checks keys/: grants are named by their content, so damage to one shows without its passphrase; who
// else may have put one there does not. Keyrings are the owner's to open.

import { equalBytes } from '../../base/bytes.ts'
import { CairnError } from '../../base/errors.ts'
import { isGrantName, isKeyringName, keyringName } from '../../repository/generations.ts'
import { readGrantHead } from '../../sealer/grant.ts'
import type { MetadataTask, ReadObject } from './opened-objects.ts'

/** Throws what is wrong with it. */
export function checkGrantOrKeyring(task: MetadataTask, read: ReadObject): void {
  const isNamed = read.kind === 'keyring' ? isKeyringName : isGrantName
  if (!isNamed(read.name)) {
    throw new CairnError('object-foreign', `a ${read.kind} is under a name that none has`)
  }
  if (read.kind === 'keyring') checkKeyring(task, read)
  else checkGrant(task, read)
}

function checkKeyring({ repository }: MetadataTask, { name, object }: ReadObject): void {
  if (repository.ownership === undefined) return
  const { generation } = repository.ownership.keys.openKeyring(object, repository.id)
  if (name === keyringName(generation)) return
  throw new CairnError('object-foreign', `it says that it is generation ${generation}`)
}

function checkGrant({ repository, findings }: MetadataTask, { name, object }: ReadObject): void {
  const { repositoryId } = readGrantHead(object)
  if (!equalBytes(repositoryId, repository.id)) {
    throw new CairnError('object-foreign', 'it was made for another repository')
  }
  const issued = repository.ownership?.keyring.issued
  if (issued !== undefined && !issued.some((grant) => grant.name === name)) {
    findings.note(
      name,
      'the keyring does not know this key: it was never finished, or was changed by its holder',
    )
  }
}
