// Restores a snapshot from a repository in a local folder, with CAIRN_PASSPHRASE or CAIRN_KEY_FILE.
// Written from docs/format.md alone, whose sections it names, to prove that the page suffices. It
// needs Node 24.21, setfattr for extended attributes, and no index: it reads all packs. What is
// damaged or not authentic is told and passed over; the exit code is then 1. No owners by name.
//
//   node tools/restore-from-spec.ts REPOSITORY NEW-FOLDER [SNAPSHOT-ID-PREFIX]

import { execFileSync } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import { isDeepStrictEqual as isSame } from 'node:util'
import zlib from 'node:zlib'
import { Blake3Hasher } from '@napi-rs/blake-hash'

const [repositoryPath = '', targetPath = '', wanted = ''] = process.argv.slice(2)
const { CAIRN_PASSPHRASE: passphrase = '', CAIRN_KEY_FILE: keyFile = '' } = process.env
const counts = { entries: 0, problems: 0 }
function fail(problem: string): never {
  throw new Error(problem)
}
function need(condition: unknown, problem: string): asserts condition {
  if (!condition) fail(problem)
}
const NOT_OURS = 'it is for other keys' // and nothing is wrong with it
/** What `action` returns, in an array; where it fails, this is told, and the array is empty. */
function attempt<T>(what: string, action: () => T): T[] {
  try {
    return [action()]
  } catch (error) {
    const { message } = error as Error
    if (message !== NOT_OURS) console.error(`${what}: ${message}`)
    if (message !== NOT_OURS) counts.problems += 1
    return []
  }
}

// Section 1: conventions
const join = (...parts: (Buffer | string)[]) => Buffer.concat(parts.map((p) => Buffer.from(p)))
const times = <T>(length: number, make: () => T) => Array.from({ length }, make)
const sha256 = (data: Buffer) => crypto.hash('sha256', data, 'buffer')
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
function readCbor(input: Input): Cbor {
  const first = number(input, 1)
  const [major, info] = [first >> 5, first & 31]
  const exact = info < 24 ? info : BigInt(`0x${take(input, 2 ** (info - 24)).toString('hex')}`)
  const value = Number(exact)
  if (major === 0) return Number.isSafeInteger(value) ? value : exact
  if (major === 1) return -1 - value
  if (major === 2) return take(input, value)
  if (major === 3) return take(input, value).toString()
  if (major === 4) return times(value, () => readCbor(input))
  need(major === 5, 'CBOR of a kind that is not known')
  return new Map(times(value, () => [readCbor(input), readCbor(input)] as const))
}
const uint = (v: Cbor) => (typeof v === 'number' ? v : fail('no number, or too large'))
const array = (v: Cbor) => (Array.isArray(v) ? v : fail('no array'))
const bytes = (v: Cbor) => (Buffer.isBuffer(v) ? v : fail('no bytes'))
const hex = (v: Cbor) => bytes(v).toString('hex')

// The tables of the page: the names of the keys 1, 2, 3, ...
const GRANT = 'repository owner role label created secret domains'
const CONFIG = 'repository generation created owner chunker domains revocations'
const DOMAIN = 'id label idKey chunkerKey epochs signingSeed certificate'
const SUMMARY = `source roots sequence predecessor session started ended ending files folders
  others unreadable size added addedStored program detailsHash replaces copyOf`
const ENTRY = `name type mode uid gid user group seconds nanoseconds size link target device xattrs
  pieces pieceList extents extentList crc32 tree changed`
type Row = Record<string, Cbor>
function row(table: string, value: Cbor): Row {
  const names = table.split(/\s+/)
  need(value instanceof Map, 'no map')
  for (const key of value.keys()) need(names[uint(key) - 1], 'a key that is not known')
  return Object.fromEntries(names.map((name, i) => [name, value.get(i + 1)]))
}
const rows = (table: string, value: Cbor) => array(value).map((item) => row(table, item))
const decode = (table: string, rest: Buffer) => row(table, readCbor({ rest }))

// Sections 2 and 3: objects and their prefix
const names = fs.globSync('{*,packs/*}/*', { cwd: repositoryPath }).sort()

/** What `use` makes of each object whose name has this form, the last one first. */
function each<T>(form: RegExp, kinds: number[], use: (object: StoredObject) => T): T[] {
  const found = names.filter((name) => form.test(name)).reverse()
  return found.flatMap((name) => attempt(name, () => use(readObject(name, kinds))))
}

function readObject(name: string, kinds: number[]) {
  const path = `${repositoryPath}/${name}`
  if (!fs.lstatSync(path).isFile()) fail(NOT_OURS)
  const stored = fs.readFileSync(path)
  const hash = hex(sha256(stored))
  attempt(name, () => need(name.length < 64 || name.endsWith(hash), 'its SHA-256 is not its name'))
  const body: Input = { rest: stored }
  const prefix = Buffer.from(take(body, 32)) // a copy, as it outlives a pack
  const [, kind = ''] = /^cairn\n(.)\x01\x01\0{3}/s.exec(prefix.toString('latin1')) ?? []
  need(kinds.includes(kind.charCodeAt(0)), 'it is not of the kind, version and suite expected')
  return { name, hash, path, stored, storedMs: fs.lstatSync(path).mtimeMs, prefix, body }
}
type StoredObject = ReturnType<typeof readObject>

// Sections 4 and 5: grants, the config and the keyring
function wrappingKey({ kind, salt, memory, passes, parallelism }: Row): Buffer {
  need(kind === 1 || kind === 2, 'it is of a kind that is not known')
  if (!(kind === 1 ? passphrase : keyFile)) fail(NOT_OURS)
  const nonce = bytes(salt)
  if (kind === 2) return keyed(nonce, derive('cairn v1 secret', fs.readFileSync(keyFile)))
  const costs = { memory: uint(memory), passes: uint(passes), parallelism: uint(parallelism) }
  const work = costs.memory * costs.passes
  need(costs.memory >= 19 << 10 && work >= 38 << 10, 'it is too easy to guess')
  need(costs.memory <= 1 << 20 && work <= 1 << 22, 'it takes too much memory or time')
  const message = passphrase.normalize('NFKC')
  return crypto.argon2Sync('argon2id', { message, nonce, ...costs, tagLength: 32 })
}

function openGrant({ body, prefix }: StoredObject) {
  const extra = take(body, number(body))
  const head = decode('kind repository salt memory passes parallelism', extra)
  const [id, key] = [bytes(head['repository']), wrappingKey(head)]
  try {
    return { id, grant: decode(GRANT, open(key, body.rest, id, prefix, BODY, extra)) }
  } catch {
    return fail(NOT_OURS)
  }
}

function openRepository() {
  const [opened] = each(/^keys\/[0-9a-f]{64}$/, [2], openGrant)
  const { id, grant } = opened ?? fail('no grant opens with this passphrase or key file')
  const owner = bytes(grant['owner'])
  const [revocations] = each(/^config\/\d{8}$/, [1], ({ name, prefix, body }) => {
    verify(owner, take(body, 64), 'cairn v1 signed', id, prefix, sha256(body.rest))
    const { generation, revocations } = decode(CONFIG, body.rest)
    need(generation === Number(name.slice(-8)), 'it is not the generation of its name')
    return rows('certificate accepted', revocations)
  })
  need(revocations, 'no config is signed by the owner')
  const [keyring] = each(/^keys\/keyring-\d{8}$/, [3], ({ name, prefix, body }) => {
    const key = derive('cairn v1 owner keyring', bytes(grant['secret'] ?? fail(NOT_OURS)))
    const opened = open(key, body.rest, id, prefix, BODY)
    const { generation, domains } = decode('generation domains issued', opened)
    need(generation === Number(name.slice(-8)), 'it is not the generation of its name')
    return domains
  })
  const domains = grant['role'] === 1 ? (keyring ?? fail('no keyring opens')) : grant['domains']
  return { id, owner, revocations, domains: rows(DOMAIN, domains) }
}

/** The keys of the domain and epoch in a prefix. */
function keysOf(prefix: Buffer): Row {
  const domain = repository.domains.find(({ id }) => prefix.subarray(12, 28).equals(bytes(id)))
  const epochs = rows('epoch headerKey publicKey seed', (domain ?? fail(NOT_OURS))['epochs'])
  const keys = epochs.find(({ epoch }) => epoch === prefix.readUInt32LE(28))
  return { ...domain, ...(keys ?? fail('the key is not for its epoch')) }
}

// Section 6: signatures
function verify(key: Buffer, signature: Buffer, ...message: (Buffer | string)[]): void {
  const signer = crypto.createPublicKey({ key, format: 'raw-public', asymmetricKeyType: 'ed25519' })
  need(crypto.verify(null, join(...message), signer, signature), 'a signature is not right')
}

/** A signed payload, with who signed it and the keys of the domain. */
function openEnvelope({ hash, prefix }: StoredObject, sealed: Buffer, part = BODY) {
  const { id, owner, revocations } = repository
  const keys = keysOf(prefix)
  const envelope = { rest: open(bytes(keys['headerKey']), sealed, id, prefix, part) }
  const certificate = { rest: take(envelope, number(envelope, 2)) }
  verify(owner, take(certificate, 64), 'cairn v1 certificate', id, certificate.rest)
  const signer = decode('id role domain epoch key sources hosts label', certificate.rest)
  const [signature, payload] = [take(envelope, 64), envelope.rest]
  verify(bytes(signer['key']), signature, 'cairn v1 signed', id, prefix, sha256(payload))
  need(isSame(signer['domain'], keys['id']), 'its signer has another domain')
  const revoked = revocations.find((one) => isSame(one['certificate'], signer['id']))
  need(!revoked || array(revoked['accepted']).map(hex).includes(hash), 'its signer is revoked')
  return { signer, payload, keys }
}

// Section 7: sealing and sessions
const [BODY = '', HEADER = '', FRAME = '', SUMMARIES = '', DETAILS = ''] = '\x00\x01\x02\x03\x04'
/** `bound` is the aad: repository id, prefix, part and extra. */
function open(key: Buffer, sealed: Buffer, ...bound: (Buffer | string)[]): Buffer {
  const input = { rest: sealed }
  const s = take(input, 32)
  const ciphertext = take(input, input.rest.length - 16)
  const cipherKey = keyed(derive('cairn v1 seal encryption', key), s)
  const cipher = crypto.createDecipheriv('aes-256-gcm', cipherKey, Buffer.alloc(12))
  const payload = join(cipher.setAuthTag(input.rest).update(ciphertext), cipher.final())
  const aad = join('cairn v1 sealed', ...bound)
  const length = Buffer.from(BigUint64Array.of(BigInt(aad.length)).buffer)
  const again = keyed(derive('cairn v1 seal mac', key), join(length, aad, payload))
  return again.equals(s) ? payload : fail('a seal is not right')
}

/** A key of the session to the domain and epoch in a prefix, by X-Wing: ML-KEM-768 and X25519. */
function sessionKey(context: string, prefix: Buffer, encapsulation: Buffer): Buffer {
  const { seed, publicKey } = keysOf(prefix)
  const seeds = crypto.createHash('shake256', { outputLength: 96 }).update(bytes(seed)).digest()
  const [kemSeed, curveKey] = [seeds.subarray(0, 64), seeds.subarray(64)]
  const kem = { key: kemSeed, format: 'raw-seed', asymmetricKeyType: 'ml-kem-768' } as const
  const kemSecret = crypto.decapsulate(kem, encapsulation.subarray(0, 1088))
  const [theirs, own] = [encapsulation.subarray(1088), bytes(publicKey).subarray(1184)]
  const x25519 = { asymmetricKeyType: 'x25519' } as const
  const curveSecret = crypto.diffieHellman({
    privateKey: crypto.createPrivateKey({ ...x25519, format: 'raw-private', key: curveKey }),
    publicKey: crypto.createPublicKey({ ...x25519, format: 'raw-public', key: theirs }),
  })
  const secrets = join(kemSecret, curveSecret, theirs, own, '\\.//^\\')
  const secret = crypto.hash('sha3-256', secrets, 'buffer')
  return derive(context, join(secret, sha256(encapsulation), repository.id, prefix.subarray(12)))
}

// Sections 8 and 9: blobs, frames and packs
type Frame = { path: string; prefix: Buffer; session: Cbor; offset: number; length: number }
const places = new Map<string, { frame: Frame; number: number }>()
const opened = new Map<Frame, Buffer[]>()
function readHeader({ path, prefix, stored }: StoredObject): void {
  const sealed = stored.subarray(-4 - stored.readUInt32LE(stored.length - 4), -4)
  const key = bytes(keysOf(prefix)['headerKey'])
  const input = { rest: open(key, sealed, repository.id, prefix, HEADER) }
  const [sessionCount = 0, frameCount = 0] = times(4, () => number(input))
  const sessions = times(sessionCount, () => take(input, 4 + 1120))
  const columns = times(5, () => times(frameCount, () => number(input)))
  for (let i = 0; i < frameCount; i++) {
    const [session = 0, offset = 0, length = 0, , blobs = 0] = columns.map((column) => column[i])
    const frame = { path, prefix, session: sessions[session], offset, length }
    const ids = times(blobs, () => hex(take(input, 32)))
    ids.forEach((id, number) => places.set(`${prefix[6]} ${id}`, { frame, number }))
  }
}

function openFrame(frame: Frame): Buffer[] {
  const sealed = Buffer.alloc(frame.length)
  const fd = fs.openSync(frame.path, 'r')
  fs.readSync(fd, sealed, 0, frame.length, frame.offset)
  fs.closeSync(fd)
  const session = { rest: bytes(frame.session) }
  const prefix = join(frame.prefix.subarray(0, 28), take(session, 4))
  const key = sessionKey('cairn v1 frames', prefix, session.rest)
  const content = { rest: open(key, sealed, repository.id, prefix, FRAME, sha256(session.rest)) }
  const codec = number(content, 1)
  need(codec < 2, 'a frame is packed in a way that is not known')
  const input = { rest: codec === 1 ? zlib.zstdDecompressSync(content.rest) : content.rest }
  return times(number(input), () => number(input)).map((length) => take(input, length))
}

function loadBlob(kind: 4 | 5, id: Cbor): Buffer {
  const { frame, number } = places.get(`${kind} ${hex(id)}`) ?? fail(`blob ${hex(id)} is missing`)
  const blobs = opened.get(frame) ?? openFrame(frame)
  if (opened.size > 8) opened.clear()
  opened.set(frame, blobs)
  const blob = blobs[number] ?? fail('a frame has too few blobs')
  const idKey = derive(`cairn v1 ${kind === 4 ? 'data' : 'tree'} blob id`, snapshot.idKey)
  return keyed(idKey, blob).equals(bytes(id)) ? blob : fail('a blob is not what its id says')
}

// Section 11: trees
/** The items of the nodes of kind `leaf` below a node; the nodes above them are of kind `inner`. */
function* walk(id: Cbor, leaf: number, inner: number, above = 17): Generator<Cbor, undefined> {
  const [kind, level, items] = array(readCbor({ rest: loadBlob(5, id) }))
  need(uint(level) < above && kind === (level === 0 ? leaf : inner), 'a node is out of place')
  for (const item of array(items)) {
    if (level === 0) yield item
    else yield* walk(inner === 2 ? row('first id', item)['id'] : item, leaf, inner, uint(level))
  }
}

/** The pairs of a flat array, which is in the entry itself or in a list. */
function* pairs(own: Cbor, list: Cbor, leaf: number): Generator<[Cbor, Cbor], undefined> {
  const flat = list === undefined ? array(own ?? []).values() : walk(list, leaf, 5)
  for (const first of flat) yield [first, flat.next().value]
}

function writeFile(path: Buffer, entry: Row): void {
  const { size, pieces, pieceList, extents, extentList, crc32 } = entry
  const data = pairs(pieces, pieceList, 3)
  const isSparse = extents !== undefined || extentList !== undefined
  const fd = fs.openSync(path, 'wx+', 0o600)
  let [position, piece, crc] = [0, Buffer.alloc(0) as Buffer, 0]
  try {
    for (const [hole, length] of isSparse ? pairs(extents, extentList, 4) : [[0, size]]) {
      position += uint(hole)
      for (const end = position + uint(length); position < end; ) {
        if (piece.length === 0) piece = loadBlob(4, data.next().value?.[1])
        const count = fs.writeSync(fd, piece, 0, Math.min(piece.length, end - position), position)
        piece = piece.subarray(count)
        position += count
      }
    }
    fs.ftruncateSync(fd, uint(size))
    const buffer = Buffer.alloc(1 << 20)
    for (let read = 1; read > 0; crc = zlib.crc32(buffer.subarray(0, read), crc))
      read = fs.readSync(fd, buffer)
    need(crc32 === crc, 'its CRC-32 is not right')
  } finally {
    fs.closeSync(fd)
  }
}

// Sections 12 and 13: snapshots and receipts
function openSnapshot(object: StoredObject) {
  const { hash, storedMs, prefix, body } = object
  const { signer, payload, keys } = openEnvelope(object, take(body, number(body)), SUMMARIES)
  const { source, roots, started, ending, detailsHash } = decode(SUMMARY, payload)
  need(sha256(body.rest).equals(bytes(detailsHash)), 'its details are not those that were signed')
  const key = sessionKey('cairn v1 details', prefix, take(body, 1120))
  const opened = open(key, body.rest, repository.id, prefix, DETAILS)
  const { host, root } = decode('source host user paths tags problems root original', opened)
  const allows = (list: Cbor, one: Cbor) => array(list ?? [one]).some((two) => isSame(one, two))
  const isAllowed = allows(signer['sources'], source) && allows(signer['hosts'], host)
  need(isAllowed, 'its signer may not write for its source and host')
  const [id, begun] = [hex(keys['id']) + hash, Math.min(uint(started), storedMs)]
  return { id, idKey: bytes(keys['idKey']), tree: array(roots)[0], root, begun, ending }
}

/** Of the snapshots with a receipt the one that started last, or the one that was asked for. */
function chooseSnapshot() {
  const confirmed = each(/^receipts\/[0-9a-f]{64}$/, [8], (object) => {
    const { payload, keys } = openEnvelope(object, object.body.rest)
    return hex(keys['id']) + hex(decode('snapshot session confirmed', payload)['snapshot'])
  })
  const found = each(/^snapshots\/[0-9a-f]{64}$/, [7], openSnapshot).filter(({ id, ending }) =>
    wanted ? id.startsWith(wanted, 32) : ending !== 3 && confirmed.includes(id),
  )
  need(!wanted || found.length < 2, 'several snapshots have such an id')
  return found.sort((a, b) => b.begun - a.begun)[0] ?? fail('there is no such snapshot')
}

// Section 15: how to restore
const links = new Map<string, Buffer>()
function restoreFolder(path: Buffer, tree: Cbor): void {
  fs.mkdirSync(path, 0o700)
  for (const item of walk(tree, 1, 2)) {
    const entry = row(ENTRY, item)
    const name = bytes(entry['name'])
    need(!/^\.{0,2}$|[/\0]/.test(name.toString('latin1')), 'a name that no file can have')
    const inside = join(path, '/', name)
    attempt(inside.toString(), () => restoreEntry(inside, entry))
  }
}

function restoreEntry(path: Buffer, entry: Row): void {
  counts.entries += 1
  const { type, link, tree, target } = entry
  const file = link instanceof Map ? [...link.values()].map(String).join(':') : ''
  const first = links.get(file)
  if (first) return fs.linkSync(first, path)
  if (type === 1) writeFile(path, entry)
  else if (type === 2) restoreFolder(path, tree)
  else if (type === 3) fs.symlinkSync(bytes(target), path)
  else makeNode(path, entry)
  setMetadata(path, entry)
  if (file) links.set(file, path)
}

/** A FIFO or a device. It gets a plain name first: the arguments of mknod cannot be any bytes. */
function makeNode(path: Buffer, { type, device }: Row): void {
  const plain = `${targetPath}/.node-${process.pid}`
  const kind = { 4: 'p', 5: 'c', 6: 'b' }[uint(type)] ?? fail('its type is not known')
  const numbers = type === 4 ? [] : Object.values(row('major minor', device)).map(String)
  execFileSync('mknod', [plain, kind, ...numbers])
  fs.renameSync(plain, path)
}

/** For setfattr, which takes any bytes of paths and names in octal. ACLs are attributes, too. */
const octal = (b: Buffer) => b.reduce((s, n) => `${s}\\${n.toString(8).padStart(3, '0')}`, '')
function setXattrs(path: Buffer, xattrs: Cbor): void {
  const line = ({ name, value }: Row) => `${octal(bytes(name))}=0x${hex(value)}\n`
  const input = `# file: ${octal(path)}\n${rows('name value', xattrs).map(line).join('')}`
  attempt(path.toString(), () => execFileSync('setfattr', ['-h', '--restore=-'], { input }))
}

/** Owner first: chown clears set-user-ID and capabilities. Negative times only work as strings. */
function setMetadata(path: Buffer, entry: Row): void {
  const { type, mode, uid, gid, seconds, nanoseconds, xattrs } = entry
  if (process.getuid?.() === 0) fs.lchownSync(path, uint(uid), uint(gid))
  if (xattrs) setXattrs(path, xattrs)
  if (type !== 3) fs.chmodSync(path, uint(mode))
  const mtime = String(Number(seconds) + uint(nanoseconds) / 1e9)
  fs.lutimesSync(path, mtime, mtime)
}

const repository = openRepository()
const snapshot = chooseSnapshot()
each(/^packs\/..\/[0-9a-f]{64}$/, [4, 5], readHeader)
restoreFolder(Buffer.from(targetPath), snapshot.tree)
if (snapshot.root) setMetadata(Buffer.from(targetPath), row(ENTRY, snapshot.root))
console.log(`${snapshot.id.slice(32)}: ${counts.entries} entries, ${counts.problems} problems`)
if (counts.problems > 0) process.exitCode = 1
