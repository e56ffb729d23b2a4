// Compression: a frame becomes exactly one zstd frame, or is stored as it is where that gains
// nothing. Whether trying is worth it is found out on samples, because compressing what does not
// compress is the dearest way to learn it.

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { type Bytes, plain, release } from '../base/bytes.ts'
import { CairnError, messageOf } from '../base/errors.ts'
import { CODEC } from '../format/frame.ts'

/** zstd's levels; 'auto' is level 3 for frames; 'off' stores all as it is. */
export type CompressionLevel = number | 'auto' | 'off'

/**
 * Level 3 with smaller tables than its own (hash 2^17, chain 2^16), which a processor keeps close by: 6 to
 * 8 % faster, and what comes out is 0.5 to 0.8 % longer. Long frames need more (docs/decisions/0009).
 */
const AUTO_SHORT_BYTES = 640 * 1024
const AUTO_SHORT = autoParameters({ hashLog: 15, chainLog: 15 })
const AUTO_LONG = autoParameters({ hashLog: 16, chainLog: 15 })

function autoParameters(logs: { hashLog: number; chainLog: number }): Record<number, number> {
  return {
    [constants.ZSTD_c_compressionLevel]: 3,
    [constants.ZSTD_c_hashLog]: logs.hashLog,
    [constants.ZSTD_c_chainLog]: logs.chainLog,
  }
}

/** Window of what is decompressed: no frame's plaintext is longer than 32 MiB. */
const WINDOW_LOG_MAX = 25
/** Below this many bytes trying is cheaper than sampling. */
const SAMPLED_FROM_BYTES = 32 * 1024
const SAMPLES = 4
const SAMPLE_BYTES = 4096
/** Bits of information per byte above which a sample counts as noise. */
const NOISE_BITS = 7.8
/** What compression has to save, as a fraction, to be kept. */
const LEAST_GAIN = 1 / 64

export interface Compressed {
  readonly codec: number
  readonly data: Bytes
}

/** Compresses, or returns the plaintext itself with the codec 'stored'. */
export function compress(plaintext: Bytes, level: CompressionLevel): Compressed {
  const stored = { codec: CODEC.stored, data: plaintext }
  if (level === 'off' || looksIncompressible(plaintext)) return stored
  const data = zstdCompressSync(plaintext, {
    params: parametersOf(level, plaintext.length),
    chunkSize: compressBound(plaintext.length),
  })
  if (data.length < plaintext.length * (1 - LEAST_GAIN)) return { codec: CODEC.zstd, data }
  release(data)
  return stored
}

function parametersOf(level: number | 'auto', length: number): Record<number, number> {
  if (level === 'auto') return length <= AUTO_SHORT_BYTES ? AUTO_SHORT : AUTO_LONG
  return { [constants.ZSTD_c_compressionLevel]: level }
}

/** One output buffer of this length always suffices (ZSTD_COMPRESSBOUND). */
function compressBound(length: number): number {
  return Math.max(64, length + (length >> 8) + 128)
}

/**
 * Decompresses to exactly `rawBytes`, which the caller has bounded. Throws 'object-damaged' on
 * anything else, and 'unsupported' on an unknown codec.
 */
export function decompress(compressed: Compressed, rawBytes: number): Bytes {
  const plaintext =
    compressed.codec === CODEC.stored ? compressed.data : inflate(compressed, rawBytes)
  if (plaintext.length !== rawBytes) {
    throw new CairnError(
      'object-damaged',
      `Cannot decompress: it gives ${plaintext.length} instead of ${rawBytes} bytes`,
    )
  }
  return plaintext
}

function inflate({ codec, data }: Compressed, rawBytes: number): Bytes {
  if (codec !== CODEC.zstd) {
    throw new CairnError('unsupported', `Cannot decompress: codec ${codec} is unknown`)
  }
  const { buffer, engine } = inflateFirst(data, rawBytes)
  const rest = data.length - engine.bytesWritten
  if (rest === 0) return plain(buffer)
  throw new CairnError('object-damaged', `Cannot decompress: ${rest} bytes are behind its frame`)
}

/** What zlib's functions return with `info`; `bytesWritten` counts what went in and was used. */
interface Inflated {
  readonly buffer: Buffer<ArrayBuffer>
  readonly engine: { readonly bytesWritten: number }
}

/** The first zstd frame of the data: whatever is behind it is ignored, another frame too. */
function inflateFirst(data: Bytes, rawBytes: number): Inflated {
  try {
    return zstdDecompressSync(data, {
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
      maxOutputLength: Math.max(1, rawBytes),
      // One byte more than is needed: a buffer that is full makes Node allocate another.
      chunkSize: Math.max(64, rawBytes + 1),
      info: true,
    }) as unknown as Inflated
  } catch (error) {
    throw new CairnError('object-damaged', `Cannot decompress: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/**
 * Whether all samples are noise by their byte counts, and do not compress together either (noise
 * that repeats would). Costs about 20 microseconds on data that is not noise.
 */
function looksIncompressible(plaintext: Bytes): boolean {
  if (plaintext.length < SAMPLED_FROM_BYTES) return false
  const step = Math.floor((plaintext.length - SAMPLE_BYTES) / (SAMPLES - 1))
  for (let i = 0; i < SAMPLES; i++) {
    const piece = plaintext.subarray(i * step, i * step + SAMPLE_BYTES)
    if (entropyBits(piece) < NOISE_BITS) return false
    samples.set(piece, i * SAMPLE_BYTES)
  }
  const tried = zstdCompressSync(samples, {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
    chunkSize: compressBound(samples.length),
  })
  return tried.length >= samples.length * (1 - LEAST_GAIN)
}

const samples = new Uint8Array(SAMPLES * SAMPLE_BYTES)
const histogram = new Uint32Array(256)

/** Order-0 entropy, in bits per byte. */
function entropyBits(bytes: Bytes): number {
  histogram.fill(0)
  for (let i = 0; i < bytes.length; i++)
    histogram[bytes[i] as number] = (histogram[bytes[i] as number] as number) + 1
  let weighted = 0
  for (const count of histogram) if (count > 0) weighted += count * Math.log2(count)
  return Math.log2(bytes.length) - weighted / bytes.length
}
