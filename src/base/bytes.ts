// Bytes and their text forms. Pure: also runs in a browser.

/** An owned or borrowed run of bytes. Functions never change one that they did not make. */
export type Bytes = Uint8Array

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const encoder = new TextEncoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lossyDecoder = new TextDecoder('utf-8', { ignoreBOM: true })

export function toHex(bytes: Bytes): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i] as number]
  return text
}

/** What each character is worth as a digit; above 15 where it is none. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code))
  return value < 0 ? 255 : value
})

/** Decodes lower-case hexadecimal; undefined where the text is anything else. */
export function fromHex(text: string): Bytes | undefined {
  if (text.length % 2 !== 0) return undefined
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    const high = DIGITS[text.charCodeAt(2 * i)] ?? 255
    const low = DIGITS[text.charCodeAt(2 * i + 1)] ?? 255
    if (high > 15 || low > 15) return undefined
    bytes[i] = (high << 4) | low
  }
  return bytes
}

export function utf8(text: string): Bytes {
  return encoder.encode(text)
}

/** Decodes UTF-8; undefined where the bytes are not valid UTF-8. */
export function fromUtf8(bytes: Bytes): string | undefined {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** Decodes UTF-8 for people to read; bytes that are not valid become U+FFFD. */
export function fromUtf8Lossy(bytes: Bytes): string {
  return lossyDecoder.decode(bytes)
}

export function concat(parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export function equalBytes(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Orders as `memcmp` does, a prefix before what it is a prefix of. */
export function compareBytes(a: Bytes, b: Bytes): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Little-endian. A DataView for each of thousands of objects is garbage of its own. */
export function uint16At(bytes: Bytes, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}

/** Little-endian. */
export function uint32At(bytes: Bytes, at: number): number {
  return (uint16At(bytes, at) | (uint16At(bytes, at + 2) << 16)) >>> 0
}

export function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * The same bytes as a plain Uint8Array. What Node returns are Buffers, whose `slice` is a view where
 * a Uint8Array's is a copy: they must not travel further.
 */
export function plain(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

/** Node hands out small Buffers as parts of one of at most this length, which are not ours to free. */
const POOL_BYTES_MAX = 128 * 1024

/**
 * Frees memory at once instead of at the next collection, which may be a hundred megabytes away. For
 * what nobody else refers to; the bytes are gone afterwards. What may be part of a pool is left alone.
 */
export function release(bytes: Bytes): void {
  const { buffer } = bytes
  const isAlone = buffer.byteLength === bytes.byteLength || buffer.byteLength > POOL_BYTES_MAX
  if (buffer instanceof ArrayBuffer && isAlone) buffer.transfer(0)
}
