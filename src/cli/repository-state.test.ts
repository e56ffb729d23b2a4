import { expect, test } from 'vitest'
import { checkState, type RepositoryState } from './repository-state.ts'

const KNOWN: RepositoryState = {
  address: '/backups',
  repositoryId: 'aa'.repeat(32),
  ownerVerifyKey: 'bb'.repeat(32),
  configGeneration: 5,
  grantName: 'keys/1',
  passphraseConfirmed: true,
  checkedTo: 0,
}

test.each([
  ['nothing is known of its address', undefined, KNOWN],
  ['it is as it was', KNOWN, KNOWN],
  ['its config is newer', KNOWN, { ...KNOWN, configGeneration: 6 }],
  ['another key opens it', KNOWN, { ...KNOWN, grantName: 'keys/2' }],
])('a repository is trusted where %s', (_, known, found) => {
  expect(() => checkState(found, known)).not.toThrow()
})

test.each([
  ['another repository', { repositoryId: 'cc'.repeat(32) }, 'it is repository cccccccc'],
  ['that of another owner', { ownerVerifyKey: 'cc'.repeat(32) }, 'its owner is another one'],
  ['one with an older config', { configGeneration: 4 }, 'went back from generation 5 to 4'],
])('%s is refused', (_, change, why) => {
  const check = () => checkState({ ...KNOWN, ...change }, KNOWN)
  expect(check).toThrow(expect.objectContaining({ code: 'object-foreign' }))
  expect(check).toThrow(why)
})
