// The scanning loop in AssemblyScript: compiled to ../kernel.wasm by scripts/build-kernel.ts, not
// part of the TypeScript program. What it computes is defined in ../chunker.ts; why it is written
// this way is in docs/decisions/0002-chunker-kernel.md.
//
// The imported memory holds the gear table, 256 little-endian u64, at address 0. The caller checks
// all addresses: nothing is checked here beyond what WebAssembly itself does.

let minBytes: u32 = 0
let avgBytes: u32 = 0
let maxBytes: u32 = 0
let maskSmall: u64 = 0
let maskLarge: u64 = 0

/** The hash after the last byte that `scan` looked at without a match. */
let carried: u64 = 0

/** To be called once, before `cut`. Masks are given as how many high bits they have. */
export function configure(min: u32, avg: u32, max: u32, smallBits: u32, largeBits: u32): void {
  minBytes = min
  avgBytes = avg
  maxBytes = max
  maskSmall = ~(u64.MAX_VALUE >> smallBits)
  maskLarge = ~(u64.MAX_VALUE >> largeBits)
}

/** The length of the chunk that begins at `at`, or 0 if no byte of the `length` given matches. */
export function cut(at: u32, length: u32): u32 {
  const last = min(length, maxBytes)
  if (last <= minBytes) return 0
  const centre = min(last, avgBytes)
  carried = 0
  let end = scan(at + minBytes, at + centre, maskSmall)
  if (end == 0 && last > centre) end = scan(at + centre, at + last, maskLarge)
  return end == 0 ? 0 : end - at
}

/** The address after the first byte in [from, end) whose hash has no bit of `mask`, or 0. */
function scan(from: u32, end: u32, mask: u64): u32 {
  let h = carried
  let p = from
  while (p + 8 <= end) {
    h = (h << 1) + load<u64>((<u32>load<u8>(p, 0)) << 3)
    if ((h & mask) == 0) return p + 1
    h = (h << 1) + load<u64>((<u32>load<u8>(p, 1)) << 3)
    if ((h & mask) == 0) return p + 2
    h = (h << 1) + load<u64>((<u32>load<u8>(p, 2)) << 3)
    if ((h & mask) == 0) return p + 3
    h = (h << 1) + load<u64>((<u32>load<u8>(p, 3)) << 3)
    if ((h & mask) == 0) return p + 4
    h = (h << 1) + load<u64>((<u32>load<u8>(p, 4)) << 3)
    if ((h & mask) == 0) return p + 5
    h = (h << 1) + load<u64>((<u32>load<u8>(p, 5)) << 3)
    if ((h & mask) == 0) return p + 6
    h = (h << 1) + load<u64>((<u32>load<u8>(p, 6)) << 3)
    if ((h & mask) == 0) return p + 7
    h = (h << 1) + load<u64>((<u32>load<u8>(p, 7)) << 3)
    if ((h & mask) == 0) return p + 8
    p += 8
  }
  for (; p < end; p++) {
    h = (h << 1) + load<u64>((<u32>load<u8>(p)) << 3)
    if ((h & mask) == 0) return p + 1
  }
  carried = h
  return 0
}
