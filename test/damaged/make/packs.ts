// Packs that are missing, cut off, or have a bit flipped.

import { mkdirSync, renameSync, symlinkSync } from 'node:fs'
import { viewOf } from '../../../src/base/bytes.ts'
import type { Frame } from '../../../src/format/pack.ts'
import { readPackHeader } from '../../../src/repository/pack-headers.ts'
import type { Damage } from './damage.ts'

export function missingPack(damage: Damage): void {
  damage.remove('data-pack 1')
}

export function missingTreePack(damage: Damage): void {
  damage.remove('tree-pack 2')
}

/** Behind its last but one frame. */
export async function truncatedPack(damage: Damage): Promise<void> {
  const frames = await framesOf(damage, 'data-pack 1')
  damage.cutTo('data-pack 1', (frames.at(-1)?.offset as number) + 100)
}

export function emptyPack(damage: Damage): void {
  damage.cutTo('data-pack 1', 0)
}

export function flippedBitInHeader(damage: Damage): void {
  damage.flip('data-pack 1', -30)
}

export async function flippedBitInFrame(damage: Damage): Promise<void> {
  const frames = await framesOf(damage, 'data-pack 1')
  damage.flip('data-pack 1', (frames.at(-1)?.offset as number) + 50)
}

export async function flippedBitInLargeFrame(damage: Damage): Promise<void> {
  const frames = await framesOf(damage, 'data-pack 1')
  damage.flip('data-pack 1', (frames[0]?.offset as number) + 5000)
}

export function flippedBitInTrailer(damage: Damage): void {
  damage.flip('data-pack 1', -3)
}

export function flippedBitInPrefix(damage: Damage): void {
  damage.flip('data-pack 1', 13)
}

export function flippedBitInPadding(damage: Damage): void {
  const bytes = damage.read('data-pack 2')
  const headerBytes = viewOf(bytes).getUint32(bytes.length - 4, true)
  damage.flip('data-pack 2', bytes.length - 4 - headerBytes - 1)
}

export function flippedBitInTree(damage: Damage): void {
  damage.flip('tree-pack 1', 100)
}

/** Neither the header nor an index says where its frames are. */
export function flippedBitInHeaderAndNoIndex(damage: Damage): void {
  flippedBitInHeader(damage)
  damage.remove('index 1')
  damage.remove('index 2')
}

export function folderInPlaceOfPack(damage: Damage): void {
  damage.remove('data-pack 1')
  mkdirSync(damage.path(damage.named('data-pack 1')))
}

export function linkInPlaceOfPack(damage: Damage): void {
  const path = damage.path(damage.named('data-pack 1'))
  renameSync(path, `${damage.sample.folder}.elsewhere`)
  symlinkSync(`${damage.sample.folder}.elsewhere`, path)
}

async function framesOf(damage: Damage, label: string): Promise<readonly Frame[]> {
  const { store, domains } = await damage.open()
  const pack = { name: damage.named(label), packBytes: damage.read(label).length }
  return (await readPackHeader(store, pack, domains))?.header.frames ?? []
}
