// A folder as a tar archive, judged by Debian's GNU tar: what it extracts is what was backed up.

import { execFileSync } from 'node:child_process'
import { chownSync, linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { concat, utf8 } from '../../src/base/bytes.ts'
import { dump } from '../../src/engine/dump.ts'
import { splitPath } from '../../src/engine/paths.ts'
import { noise } from '../repositories/sample.ts'
import { describeWith } from '../require.ts'
import { describeTree, diffTrees } from '../trees/describe-tree.ts'
import { backupFolder, makeRepository, Scratch, snapshotOf } from './fixture.ts'

const scratch = new Scratch()

async function archiveOf(source: string): Promise<Uint8Array> {
  const made = await makeRepository()
  await backupFolder(made, source)
  const parts: Uint8Array[] = []
  const { problems } = await dump({
    repository: made.repository,
    snapshot: await snapshotOf(made),
    names: splitPath(utf8(source)),
    format: 'tar',
    signal: new AbortController().signal,
    onProblem: () => undefined,
    sink: (bytes) => {
      parts.push(bytes.slice())
      return Promise.resolve()
    },
  })
  expect(problems).toBe(0)
  return concat(parts)
}

/** Where the folder is that was archived, which goes by its own name. */
function extract(archive: Uint8Array, source: string, options: readonly string[]): string {
  const target = scratch.make('extracted')
  execFileSync('tar', ['-x', '-p', ...options, '-C', target], { input: archive })
  return join(target, basename(source))
}

describeWith('an archive', ['root', 'acl'], () => {
  test('has all that GNU tar can give back', async () => {
    const source = scratch.make('source')
    mkdirSync(join(source, 'folder'))
    writeFileSync(join(source, 'folder/file'), noise(70_000))
    writeFileSync(Buffer.concat([Buffer.from(`${source}/raw `), Buffer.of(0xff, 0x0a)]), 'raw')
    writeFileSync(join(source, 'n'.repeat(255)), 'long')
    writeFileSync(join(source, 'ümlaut'), '')
    linkSync(join(source, 'folder/file'), join(source, 'second'))
    symlinkSync('g'.repeat(300), join(source, 'link'))
    execFileSync('mkfifo', [join(source, 'fifo')])
    execFileSync('mknod', [join(source, 'device'), 'c', '1', '3'])
    chownSync(join(source, 'ümlaut'), 4_000_000, 3_000_000)
    execFileSync('setfattr', ['-n', 'user.a=b%', '-v', 'value', join(source, 'folder/file')])
    utimesSync(join(source, 'folder/file'), 1.5, -1.25)
    const target = extract(await archiveOf(source), source, ['--xattrs', '--xattrs-include=*'])
    expect(diffTrees(describeTree(source), describeTree(target))).toEqual([])
  })

  test('has lists of rights for who asks for them as GNU tar does', async () => {
    const source = scratch.make('source')
    mkdirSync(join(source, 'folder'))
    writeFileSync(join(source, 'folder/file'), 'content')
    const acl = 'user:4000:r-x,group:5000:-w-,mask::rwx'
    execFileSync('setfacl', ['-m', acl, '-m', `d:${acl}`, join(source, 'folder')])
    execFileSync('setfacl', ['-m', 'user:4000:---', join(source, 'folder/file')])
    const archive = await archiveOf(source)
    const before = describeTree(source)
    for (const options of [['--acls'], ['--acls', '--xattrs', '--xattrs-include=*']])
      expect(diffTrees(before, describeTree(extract(archive, source, options)))).toEqual([])
  })
})
