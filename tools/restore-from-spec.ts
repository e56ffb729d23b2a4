// Restores a snapshot from a repository in a local folder, with CAIRN_PASSPHRASE or CAIRN_KEY_FILE.
// Written from docs/format.md alone, whose sections it names, to prove that the page suffices. What
// is damaged or not authentic is reported and passed over; the exit code is then 1. Left out, as
// Node has no means for them: extended attributes, and owners by name.
//
//   node tools/restore-from-spec.ts REPOSITORY NEW-FOLDER [SNAPSHOT-ID-PREFIX]

import { execFileSync } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import { inspect, isDeepStrictEqual } from 'node:util'
import zlib from 'node:zlib'
import { Blake3Hasher } from '@napi-rs/blake-hash'

const [repositoryPath = '', targetPath = '', wanted = ''] = process.argv.slice(2)
const counts = { entries: 0, problems: 0, xattrs: 0 }
const MIB = 1 << 20

// Section 1: conventions
/** Something that is not in the page: whoever meets it stops. All else that is wrong is an Error. */
class Unknown extends Error {}
/** What the grant has no keys for: it is not ours, and nothing is wrong. */
class Foreign extends Error {}
function fail(problem: string, Kind: typeof Unknown = Error): never {
  throw new Kind(problem)
}
function need(condition: unknown, problem: string): asserts condition {
  if (!condition) fail(problem)
}

/** What `action` returns, in an array that is empty when it failed. */
function attempt<T>(what: string, action: () => T): T[] {
  try {
    return [action()]
  } catch (error) {
    if (error instanceof Unknown) throw error
    if (error instanceof Foreign) return []
    counts.problems += 1
    console.error(`${what}: ${(error as Error).message}`)
    return []
  }
}

const join = (...parts: (Buffer | string)[]) => Buffer.concat(parts.map((p) => Buffer.from(p)))
const times = <T>(n: number, make: () => T) => Array.from({ length: n }, make)
const at = <T>(items: readonly T[], i: number) => items[i] ?? fail('a number is out of range')
const sha256 = (data: Buffer) => crypto.createHash('sha256').update(data).digest()
const derive = (context: string, key: Buffer) => Blake3Hasher.deriveKey(context, key)
const keyed = (key: Buffer, data: Buffer) => Blake3Hasher.newKeyed(key).update(data).digestBuffer()

/** Bytes that are read from the front, never beyond their end. */
type Input = { rest: Buffer }
const number = (input: Input, length = 4) => take(input, length).readUIntLE(0, length)
function take(input: Input, length: number): Buffer {
  need(length >= 0 && length <= input.rest.length, 'it ends too early')
  const taken = input.rest.subarray(0, length)
  input.rest = input.rest.subarray(length)
  return taken
}

type Cbor = number | bigint | string | Buffer | Cbor[] | Map<Cbor, Cbor> | undefined
function decode(rest: Buffer): Cbor {
  const input = { rest }
  const item = readItem(input, 16)
  return input.rest.length === 0 ? item : fail('something follows the CBOR')
}
function readItem(input: Input, left: number): Cbor {
  const [major, value] = readHead(input)
  if (major === 0) return value
  if (major === 1) return typeof value === 'number' ? -1 - value : -1n - value
  need(major < 6 && value <= input.rest.length && left > 0, 'CBOR that is not allowed')
  const length = Number(value)
  if (major === 2) return take(input, length)
  if (major === 3) return new TextDecoder('utf-8', STRICT).decode(take(input, length))
  if (major === 4) return times(length, () => readItem(input, left - 1))
  const pairs = times(length, () => [uint(readItem(input, 0)), readItem(input, left - 1)] as const)
  const rises = pairs.every(([key], i) => i === 0 || key > at(pairs, i - 1)[0])
  return rises ? new Map(pairs) : fail('CBOR keys that are not in order')
}
function readHead(input: Input): [major: number, value: number | bigint] {
  const first = number(input, 1)
  const info = first & 31
  if (info < 24) return [first >> 5, info]
  const value = BigInt(`0x${take(input, at([1, 2, 4, 8], info - 24)).toString('hex')}`)
  need(value >= at([24n, 1n << 8n, 1n << 16n, 1n << 32n], info - 24), 'a CBOR head is too long')
  return [first >> 5, value <= Number.MAX_SAFE_INTEGER ? Number(value) : value]
}
const STRICT = { fatal: true, ignoreBOM: true }
const uint = (v: Cbor) => (typeof v === 'number' && v >= 0 ? v : fail('no unsigned number'))
const array = (v: Cbor, max = 65_536) =>
  Array.isArray(v) && v.length <= max ? v : fail('no array, or too long')
const bytes = (v: Cbor, min: number, max = min) =>
  Buffer.isBuffer(v) && v.length >= min && v.length <= max ? v : fail('no bytes, or not so many')
const hash = (v: Cbor) => bytes(v, 32).toString('hex')
const hashes = (v: Cbor) => array(v, 262_144).map(hash)
const choice = (v: Cbor, ...known: number[]) =>
  known.includes(uint(v)) ? uint(v) : fail(`a value that is not known: ${uint(v)}`, Unknown)

// The tables of the page: the names of the keys 1, 2, 3, ...
const DOMAIN = 'id label idKey chunkerKey epochs signingSeed certificate'
const ENTRY = `name type mode uid gid user group seconds nanoseconds size link target device xattrs
  pieces pieceList extents extentList crc32 tree changed`
const CONFIG = 'repository generation created owner chunker domains revocations'
const SUMMARY = `source roots sequence predecessor session started ended ending files folders
  others unreadable size added addedStored program detailsHash replaces`
type Row = Record<string, Cbor>

function row(table: string, value: Cbor): Row {
  const names = table.split(/\s+/)
  need(value instanceof Map, 'no map')
  for (const key of value.keys()) if (!names[uint(key) - 1]) fail('a key not known', Unknown)
  return Object.fromEntries(names.map((name, i) => [name, value.get(i + 1)]))
}
const rows = (table: string, value: Cbor) => array(value).map((item) => row(table, item))

// Sections 2 and 3: objects and their prefix
const NAMES = { hash: /^[0-9a-f]{64}$/, generation: /^\d{8}$/, keyring: /^keyring-\d{8}$/ }
const MARK = 10

function readObject(path: string, kind: number) {
  need(fs.statSync(`${repositoryPath}/${path}`).size <= 128 * MIB, 'it is too large')
  const stored = fs.readFileSync(`${repositoryPath}/${path}`)
  const name = path.slice(path.lastIndexOf('/') + 1)
  need(!NAMES.hash.test(name) || hash(sha256(stored)) === name, 'its SHA-256 is not its name')
  const body: Input = { rest: stored }
  const prefix = take(body, 32)
  need(prefix.toString('latin1', 0, 6) === 'cairn\n' && prefix[6] === kind, 'it is no such object')
  if (prefix[7] !== 1 || prefix[8] !== 1) fail('a version or suite not known', Unknown)
  need(prefix.readUIntLE(9, 3) === 0, 'its prefix is not right')
  return { name, kind, stored, prefix, body }
}
type StoredObject = ReturnType<typeof readObject>

/** What `use` makes of each object in a folder, the newest generation first. */
function each<T>(folder: string, form: RegExp, kind: number, use: (o: StoredObject) => T): T[] {
  const path = `${repositoryPath}/${folder}`
  const names = fs.existsSync(path) ? fs.readdirSync(path).filter((name) => form.test(name)) : []
  const paths = names.map((name) => `${folder}/${name}`).sort()
  return paths.reverse().flatMap((path) => attempt(path, () => use(readObject(path, kind))))
}

// Sections 4 and 5: grants, the config and the keyring
/** The key that the passphrase or the key file gives. */
function wrappingKey({ kind, salt, memory, passes, parallelism }: Row): Buffer {
  const { CAIRN_PASSPHRASE: passphrase, CAIRN_KEY_FILE: keyFile } = process.env
  const nonce = bytes(salt, 32)
  if (choice(kind, 1, 2) === 2) {
    const secret = fs.readFileSync(keyFile ?? fail('it is for a key file', Foreign))
    return keyed(nonce, derive('cairn v1 secret', secret))
  }
  const costs = { memory: uint(memory), passes: uint(passes), parallelism: uint(parallelism) }
  const work = costs.memory * costs.passes
  need(costs.memory >= 19 * 1024 && work >= 38 * 1024, 'it is too easy to guess')
  need(costs.memory <= MIB && work <= 4 * MIB, 'it needs too much memory or time')
  need(costs.passes <= 16 && costs.parallelism <= 16, 'it has too many passes or lanes')
  const message = (passphrase ?? fail('it is for a passphrase', Foreign)).normalize('NFKC')
  return crypto.argon2Sync('argon2id', { message, nonce, ...costs, tagLength: 32 })
}

function openGrant({ body, prefix }: StoredObject) {
  const extra = take(body, number(body))
  const head = row('kind repository salt memory passes parallelism', decode(extra))
  const id = bytes(head['repository'], 32)
  const key = wrappingKey(head)
  let opened: Buffer
  try {
    opened = open(key, body.rest, id, prefix, Buffer.of(0), extra)
  } catch {
    fail('it is for another passphrase or key file', Foreign)
  }
  const grant = row('repository owner role label created secret domains', decode(opened))
  need(id.equals(bytes(grant['repository'], 32)), 'it is not for the repository of its head')
  return { id, grant }
}

function openRepository() {
  const [opened] = each('keys', NAMES.hash, 2, openGrant)
  const { id, grant } = opened ?? fail('no grant opens with this passphrase or key file')
  const owner = bytes(grant['owner'], 32)
  const [config] = each('config', NAMES.generation, 1, ({ name, prefix, body }) => {
    verify(owner, take(body, 64), 'cairn v1 signed', id, prefix, sha256(body.rest))
    const config = row(CONFIG, decode(body.rest))
    const isOurs = id.equals(bytes(config['repository'], 32))
    need(isOurs && config['generation'] === Number(name), 'it is not what its name says')
    return rows('certificate accepted', config['revocations'])
  })
  const revocations = config ?? fail('no config is signed by the owner')
  const isOwner = choice(grant['role'], 1, 2, 3, 4) === 1
  const { domains } = isOwner ? openKeyring(id, bytes(grant['secret'], 32)) : grant
  return { id, owner, revocations, domains: rows(DOMAIN, domains) }
}

function openKeyring(id: Buffer, secret: Buffer): Row {
  const key = derive('cairn v1 owner keyring', secret)
  const [keyring] = each('keys', NAMES.keyring, 3, ({ prefix, body }) =>
    row('generation domains issued', decode(open(key, body.rest, id, prefix, Buffer.of(0)))),
  )
  return keyring ?? fail('no keyring opens')
}

/** The keys of the domain and the epoch in a prefix. */
function keysOf(prefix: Buffer): Row {
  const domain = repository.domains.find(({ id }) => prefix.subarray(12, 28).equals(bytes(id, 16)))
  const epochs = rows('epoch headerKey sealPublicKey sealSeed', domain?.['epochs'] ?? [])
  const epoch = epochs.find(({ epoch }) => epoch === prefix.readUInt32LE(28))
  return { ...domain, ...(epoch ?? fail('not ours', Foreign)) }
}

// Section 6: signatures
function verify(key: Buffer, signature: Buffer, ...message: (Buffer | string)[]): void {
  const signer = publicKey('302a300506032b6570032100', key)
  need(crypto.verify(null, join(...message), signer, signature), 'a signature is not right')
}

function openEnvelope({ name, kind, prefix }: StoredObject, sealed: Buffer, part = 0) {
  const { id, owner, revocations } = repository
  const headerKey = bytes(keysOf(prefix)['headerKey'], 32)
  const envelope = { rest: open(headerKey, sealed, id, prefix, Buffer.of(part)) }
  const certificate = { rest: take(envelope, number(envelope, 2)) }
  verify(owner, take(certificate, 64), 'cairn v1 certificate', id, certificate.rest)
  const signer = row('id role domain epoch key sources hosts label', decode(certificate.rest))
  const [key, signature, payload] = [bytes(signer['key'], 32), take(envelope, 64), envelope.rest]
  verify(key, signature, 'cairn v1 signed', id, prefix, sha256(payload))
  need(prefix.subarray(12, 28).equals(bytes(signer['domain'], 16)), 'its signer has another domain')
  need(choice(signer['role'], 1, 2) === 2 || kind !== MARK, 'its signer may not sign such')
  const revoked = revocations.find((item) => isDeepStrictEqual(item['certificate'], signer['id']))
  need(!revoked || hashes(revoked['accepted']).includes(name), 'it is revoked')
  return { signer, payload }
}

// Section 7: sealing and sessions
/** `bound` is the aad: repository id, prefix, part and extra. */
function open(key: Buffer, sealed: Buffer, ...bound: Buffer[]): Buffer {
  const input = { rest: sealed }
  const s = take(input, 32)
  const ciphertext = take(input, input.rest.length - 16)
  const frameKey = keyed(derive('cairn v1 seal encryption', key), s)
  const cipher = crypto.createDecipheriv('aes-256-gcm', frameKey, Buffer.alloc(12))
  const payload = join(cipher.setAuthTag(input.rest).update(ciphertext), cipher.final())
  const aad = join('cairn v1 sealed', ...bound)
  const length = Buffer.from(BigUint64Array.of(BigInt(aad.length)).buffer)
  const again = keyed(derive('cairn v1 seal mac', key), join(length, aad, payload))
  return again.equals(s) ? payload : fail('a seal is not right')
}

const der = (head: string, key: Buffer) => join(Buffer.from(head, 'hex'), key)
const privateKey = (head: string, key: Buffer) =>
  crypto.createPrivateKey({ key: der(head, key), format: 'der', type: 'pkcs8' })
const publicKey = (head: string, key: Buffer) =>
  crypto.createPublicKey({ key: der(head, key), format: 'der', type: 'spki' })

/** X-Wing: ML-KEM-768 and X25519, the keys of both from one seed. */
function decapsulate(seed: Buffer, encapsulation: Buffer): Buffer {
  const seeds = crypto.createHash('shake256', { outputLength: 96 }).update(seed).digest()
  const kem = privateKey('3054020100300b060960864801650304040204428040', seeds.subarray(0, 64))
  const curve = privateKey('302e020100300506032b656e04220420', seeds.subarray(64))
  const own = crypto.createPublicKey(curve).export({ format: 'der', type: 'spki' }).subarray(-32)
  const theirs = encapsulation.subarray(1088)
  const peer = publicKey('302a300506032b656e032100', theirs)
  const secret = crypto.diffieHellman({ privateKey: curve, publicKey: peer })
  const kemSecret = crypto.decapsulate(kem, encapsulation.subarray(0, 1088))
  const message = join(kemSecret, secret, theirs, own, Buffer.from('5c2e2f2f5e5c', 'hex'))
  return crypto.createHash('sha3-256').update(message).digest()
}

/** A key of the session to the domain and the epoch in a prefix. */
function sessionKey(context: string, prefix: Buffer, encapsulation: Buffer): Buffer {
  const secret = decapsulate(bytes(keysOf(prefix)['sealSeed'], 32), encapsulation)
  return derive(context, join(secret, sha256(encapsulation), repository.id, prefix.subarray(12)))
}

// Sections 12 and 13: snapshots, receipts and marks
function openSnapshot(object: StoredObject) {
  const { name, prefix, body } = object
  const { signer, payload } = openEnvelope(object, take(body, number(body)), 3)
  const { source, roots, ended, ending, detailsHash } = row(SUMMARY, decode(payload))
  need(sha256(body.rest).equals(bytes(detailsHash, 32)), 'its details are not its own')
  const key = sessionKey('cairn v1 details', prefix, take(body, 1120))
  const opened = open(key, body.rest, repository.id, prefix, Buffer.of(4))
  const details = row('source host user paths tags problems root', decode(opened))
  const idKey = bytes(keysOf(prefix)['idKey'], 32)
  const sourceName = Buffer.from(details['source'] as string)
  const sourceId = keyed(derive('cairn v1 source id', idKey), sourceName).subarray(0, 16)
  need(sourceId.equals(bytes(source, 16)), 'its source is not that of its details')
  const isAllowed = allows(signer['sources'], source) && allows(signer['hosts'], details['host'])
  need(isAllowed && choice(ending, 1, 2, 3), 'its signer may not write for its source and host')
  return { name, prefix, idKey, root: array(roots)[0], ended: uint(ended), entry: details['root'] }
}
const allows = (list: Cbor, value: Cbor) =>
  list === undefined || array(list).some((item) => isDeepStrictEqual(item, value))

/** Marks or receipts: signed payloads of one table. */
const records = (folder: string, kind: number, table: string) =>
  each(folder, NAMES.hash, kind, (object) =>
    row(table, decode(openEnvelope(object, object.body.rest).payload)),
  )

/** The newest snapshot with a receipt, or the one that was asked for. */
function chooseSnapshot(marked: Set<string>) {
  const receipts = records('receipts', 8, 'snapshot session confirmed')
  const confirmed = receipts.map(({ snapshot }) => hash(snapshot))
  const fits = (name: string) => (wanted ? name.startsWith(wanted) : confirmed.includes(name))
  const snapshots = each('snapshots', NAMES.hash, 7, openSnapshot)
  const found = snapshots.filter(({ name }) => !marked.has(name) && fits(name))
  need(!wanted || found.length < 2, 'several snapshots have such an id')
  return found.sort((a, b) => b.ended - a.ended)[0] ?? fail('there is no such snapshot')
}

// Section 10: the index
type Frame = ReturnType<typeof readSegment>['frames'][number]
function readSegment(object: StoredObject) {
  const input = { rest: openEnvelope(object, object.body.rest).payload }
  const numbers = (n: number, length = 4) => times(n, () => number(input, length))
  const ids = (n: number) => times(n, () => hash(take(input, 32)))
  const [n = 0, p = 0, s = 0, f = 0, b = 0] = numbers(5)
  need(n <= 65_536 && p <= 65_536 && s <= 16_384 && f <= MIB && b <= MIB, 'it is too large')
  const superseded = ids(n)
  const [packs, kinds, sizes] = [ids(p), numbers(p, 1), numbers(p)]
  const [_headers, counts] = [numbers(p), numbers(p)]
  const sessions = times(s, () => take(input, 4 + 1120))
  const columns = times(5, () => numbers(f))
  need(counts.every((count) => count <= f) && kinds.every((kind) => choice(kind, 4, 5)), 'no packs')
  const packOf = counts.flatMap((count, i) => Array<number>(count).fill(i))
  const frames = packOf.map((pack, i) => {
    const [session = 0, offset = 0, stored = 0, plain = 0, blobs = 0] = columns.map((c) => at(c, i))
    const place = { pack: at(packs, pack), kind: at(kinds, pack), size: at(sizes, pack) }
    return { ...place, session: at(sessions, session), offset, stored, plain, ids: ids(blobs) }
  })
  need(frames.length === f && input.rest.length === 0, 'its numbers do not agree')
  return { name: object.name, domain: object.prefix.subarray(12, 28), superseded, frames }
}

/** Where the blobs of a domain are, by kind of pack and id. */
function loadIndex(domain: Buffer, marked: Set<string>) {
  const all = each('index', NAMES.hash, 6, readSegment)
  const segments = all.filter((segment) => segment.domain.equals(domain))
  const superseded = new Set(segments.flatMap((segment) => segment.superseded))
  const present = segments.filter(({ name }) => !superseded.has(name))
  const places = new Map<string, { frame: Frame; number: number }>()
  for (const frame of present.flatMap(({ frames }) => frames)) {
    const path = `${repositoryPath}/${packPath(frame.pack)}`
    const found = fs.statSync(path, { throwIfNoEntry: false })
    if (marked.has(frame.pack) || found?.size !== frame.size) continue
    frame.ids.forEach((id, number) => places.set(`${frame.kind} ${id}`, { frame, number }))
  }
  return places
}

// Section 8: blobs and frames
const packPath = (pack: string) => `packs/${pack.slice(0, 2)}/${pack}`
const packs = new Map<string, StoredObject>()
const frames = new Map<Frame, Buffer[]>()
function cached<K, V>(cache: Map<K, V>, key: K, make: () => V): V {
  const value = cache.get(key) ?? make()
  if (cache.size > 8) cache.clear()
  cache.set(key, value)
  return value
}

function openFrame({ pack, kind, session, offset, stored, plain, ids }: Frame): Buffer[] {
  const object = cached(packs, pack, () => readObject(packPath(pack), kind))
  const prefix = join(object.prefix.subarray(0, 28), session.subarray(0, 4))
  const encapsulation = session.subarray(4)
  const key = sessionKey('cairn v1 frames', prefix, encapsulation)
  const sealed = object.stored.subarray(offset, offset + stored)
  const extra = sha256(encapsulation)
  const content = { rest: open(key, sealed, repository.id, prefix, Buffer.of(2), extra) }
  need(plain <= 16 * MIB + 4 + 4 * 65_536, 'a frame is too large')
  const isZstd = choice(number(content, 1), 0, 1) === 1
  const unpack = () => zlib.zstdDecompressSync(content.rest, { maxOutputLength: plain })
  const input = { rest: isZstd ? unpack() : content.rest }
  need(input.rest.length === plain && number(input) === ids.length, 'a frame is not as listed')
  const blobs = ids.map(() => number(input)).map((length) => take(input, length))
  need(input.rest.length === 0, 'a frame is too long')
  return blobs
}

function loadBlob(type: 'data' | 'tree', id: string): Buffer {
  const place = places.get(`${type === 'data' ? 4 : 5} ${id}`) ?? fail(`blob ${id} is missing`)
  const blobs = cached(frames, place.frame, () => openFrame(place.frame))
  const blob = at(blobs, place.number)
  const found = keyed(derive(`cairn v1 ${type} blob id`, snapshot.idKey), blob)
  return hash(found) === id ? blob : fail(`blob ${id} is not what its id says`)
}

// Section 11: trees
/** The items of the nodes of kind `leaf` below a node, in order; those above are of kind `inner`. */
function* walk(id: Cbor, leaf: number, inner: number, level?: number): Generator<Cbor, undefined> {
  const [kind, found, items] = array(decode(loadBlob('tree', hash(id))), 3)
  const height = uint(found)
  need(height === (level ?? height) && height <= 16, 'a node is not of the level expected')
  need(choice(kind, 1, 2, 3, 4, 5) === (height > 0 ? inner : leaf), 'a node is of another kind')
  for (const item of array(items, 2 * 8192)) {
    if (height === 0) yield item
    else yield* walk(inner === 2 ? row('first id', item)['id'] : item, leaf, inner, height - 1)
  }
}

/** The pairs of a flat array, which is in the entry itself or in a list. */
function* pairs(own: Cbor, list: Cbor, leaf: number): Generator<[number, Cbor], undefined> {
  const flat = list === undefined ? array(own ?? [], 2 * 128).values() : walk(list, leaf, 5)
  for (const length of flat) {
    yield [uint(length), flat.next().value]
  }
}

function writeContent(fd: number, { size, pieces, pieceList, extents, extentList }: Row): void {
  const isSparse = extents !== undefined || extentList !== undefined
  const data = pairs(pieces, pieceList, 3)
  let [position, piece] = [0, Buffer.alloc(0) as Buffer]
  for (const [hole, length] of isSparse ? pairs(extents, extentList, 4) : [[0, size] as const]) {
    position += hole
    for (const end = position + uint(length); position < end; ) {
      if (piece.length === 0) piece = loadPiece(data.next().value)
      const written = fs.writeSync(fd, piece, 0, Math.min(piece.length, end - position), position)
      piece = piece.subarray(written)
      position += written
    }
  }
  need(piece.length === 0 && data.next().done && position <= uint(size), 'its sizes do not agree')
  fs.ftruncateSync(fd, uint(size))
}
function loadPiece(pair: [number, Cbor] | undefined): Buffer {
  const [length, id] = pair ?? fail('its pieces hold less than they should')
  const piece = loadBlob('data', hash(id))
  return piece.length === length ? piece : fail('a piece has another length')
}

function writeFile(path: Buffer, entry: Row): void {
  const fd = fs.openSync(path, 'wx+', 0o600)
  const buffer = Buffer.alloc(MIB)
  let crc = 0
  try {
    writeContent(fd, entry)
    for (let read = 1; read > 0; crc = zlib.crc32(buffer.subarray(0, read), crc))
      read = fs.readSync(fd, buffer)
    need((entry['crc32'] ?? crc) === crc, 'its CRC-32 is not right')
  } finally {
    fs.closeSync(fd)
  }
}

// Section 15: how to restore
const links = new Map<string, Buffer>()
function restoreFolder(path: Buffer, tree: Cbor): void {
  fs.mkdirSync(path, 0o700)
  let last = Buffer.alloc(0)
  for (const item of walk(tree, 1, 2)) {
    const entry = row(ENTRY, item)
    const name = bytes(entry['name'], 1, 255)
    const isPlain = !/^\.\.?$|[/\0]/.test(name.toString('latin1'))
    need(isPlain && name.compare(last) > 0, 'the names in a folder are not right')
    last = Buffer.from(name)
    const inside = join(path, '/', name)
    attempt(inside.toString(), () => restoreEntry(inside, entry))
  }
}

function restoreEntry(path: Buffer, entry: Row): void {
  counts.entries += 1
  counts.xattrs += array(entry['xattrs'] ?? [], 4096).length
  const file = entry['link'] === undefined ? '' : inspect(row('device inode', entry['link']))
  const first = links.get(file)
  if (first) return fs.linkSync(first, path)
  const type = choice(entry['type'], 1, 2, 3, 4, 5, 6)
  if (type === 1) writeFile(path, entry)
  else if (type === 2) restoreFolder(path, entry['tree'])
  else if (type === 3) fs.symlinkSync(bytes(entry['target'], 1, 65_535), path)
  else makeNode(path, entry)
  setMetadata(path, entry)
  if (file) links.set(file, path)
}

/** A FIFO or a device. It gets a plain name first: the arguments of mknod cannot be any bytes. */
function makeNode(path: Buffer, { type, device }: Row): void {
  const plain = `${targetPath}.node-${process.pid}`
  const { major, minor } = type === 4 ? {} : row('major minor', device)
  const kind = type === 4 ? ['p'] : [type === 5 ? 'c' : 'b', uint(major), uint(minor)]
  execFileSync('mknod', [plain, ...kind.map(String)])
  fs.renameSync(plain, path)
}

/** Owner before mode, because chown takes set-user-ID away. Negative times only work as strings. */
function setMetadata(path: Buffer, { type, mode, uid, gid, seconds, nanoseconds }: Row): void {
  if (process.getuid?.() === 0) fs.lchownSync(path, uint(uid), uint(gid))
  if (type !== 3) fs.chmodSync(path, uint(mode))
  const mtime = String(Number(seconds) + uint(nanoseconds) / 1e9)
  fs.lutimesSync(path, mtime, mtime)
}

const repository = openRepository()
const marks = records('marks', MARK, 'packs snapshots marked')
const marked = new Set(marks.flatMap((mark) => [mark['packs'], mark['snapshots']].flatMap(hashes)))
const snapshot = chooseSnapshot(marked)
const places = loadIndex(snapshot.prefix.subarray(12, 28), marked)
restoreFolder(Buffer.from(targetPath), snapshot.root)
if (snapshot.entry) setMetadata(Buffer.from(targetPath), row(ENTRY, snapshot.entry))
console.log(`${snapshot.name}: ${counts.entries} entries, ${counts.problems} problems`)
console.log(`${counts.xattrs} extended attributes were left out`)
if (counts.problems > 0) process.exitCode = 1
