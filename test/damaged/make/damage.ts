// The tools of damage: what a disk, an operator or an attacker does to the files of a local repository.

import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Bytes } from '../../../src/base/bytes.ts'
import { sha256 } from '../../../src/base/hash.ts'
import { openRepository, type Repository } from '../../../src/repository/repository.ts'
import { type ContentFolder, contentName } from '../../../src/store/names.ts'
import type { DamagedSample } from '../sample.ts'

export class Damage {
  readonly sample: DamagedSample

  constructor(sample: DamagedSample) {
    this.sample = sample
  }

  /** Opened before anything is damaged. */
  open(): Promise<Repository> {
    return openRepository(this.sample.store, this.sample.owner)
  }

  /** The name of the object that has this label. */
  named(label: string): string {
    const found = [...this.sample.labels].find(([, one]) => one === label)
    if (found === undefined) throw new Error(`nothing is called ${label}`)
    return found[0]
  }

  path(name: string): string {
    return join(this.sample.folder, name)
  }

  read(label: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(readFileSync(this.path(this.named(label))))
  }

  remove(label: string): void {
    rmSync(this.path(this.named(label)))
  }

  /** Puts other bytes in the place of an object. */
  write(label: string, bytes: Bytes): void {
    const path = this.path(this.named(label))
    chmodSync(path, 0o600)
    writeFileSync(path, bytes)
  }

  /** Flips a bit; counted from the end where `offset` is negative. */
  flip(label: string, offset: number): void {
    const bytes = this.read(label)
    const at = offset < 0 ? bytes.length + offset : offset
    bytes[at] = (bytes[at] as number) ^ 4
    this.write(label, bytes)
  }

  cutTo(label: string, length: number): void {
    this.write(label, this.read(label).subarray(0, length))
  }

  /** Puts a file under any name. */
  put(name: string, bytes: Bytes): void {
    mkdirSync(dirname(this.path(name)), { recursive: true })
    writeFileSync(this.path(name), bytes)
  }

  /** Puts an object under the name that is right for its bytes. */
  putContent(folder: ContentFolder, bytes: Bytes): string {
    const name = contentName(folder, sha256(bytes))
    this.put(name, bytes)
    return name
  }
}

export type Make = (damage: Damage) => Promise<void> | void
