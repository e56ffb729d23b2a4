// `cairn key trust`: the user's word that the repository at an address is the right one, after it was
// replaced or brought back from a copy.

import { CairnError } from '../../base/errors.ts'
import type { Context } from '../context.ts'
import { openConfigured } from '../open-repository.ts'

const DIGITS_MIN = 8

export async function keyTrustAction(context: Context, id: string): Promise<undefined> {
  const { output } = context
  if (!new RegExp(`^[0-9a-f]{${DIGITS_MIN},}$`).test(id)) {
    throw new CairnError('usage', `'${id}' is not the id of a repository`, {
      hint: `Give at least ${DIGITS_MIN} digits of it, as the error message shows them.`,
    })
  }
  const { repository } = await openConfigured(context, {
    trust: ({ repositoryId }) => repositoryId.startsWith(id),
  })
  const { idHex, store } = repository
  if (!idHex.startsWith(id)) {
    throw new CairnError('not-found', `The repository at ${store.address} is ${idHex.slice(0, 8)}`)
  }
  output.summary(`Repository ${idHex.slice(0, 8)} at ${store.address} is trusted from now on`)
  output.event({ event: 'result', repository: idHex, address: store.address })
  return undefined
}
