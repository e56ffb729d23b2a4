// Checks configs: each generation must be the owner's, of this repository, and the one its name says.

import { CairnError } from '../../base/errors.ts'
import { configName, openConfig } from '../../repository/generations.ts'
import type { MetadataTask, ReadObject } from './opened-objects.ts'

/** Throws what is wrong with it. */
export function checkConfig({ repository }: MetadataTask, { name, object }: ReadObject): void {
  const { id: repositoryId, config } = repository
  const { generation } = openConfig(object, { repositoryId, ownerVerifyKey: config.ownerVerifyKey })
  if (name === configName(generation)) return
  throw new CairnError('object-foreign', `it says that it is generation ${generation}`)
}
