// File names as text, for matching patterns. Names are bytes; nearly all are UTF-8. A byte that is
// part of no valid sequence becomes U+DC80 to U+DCFF (Python's 'surrogateescape', PEP 383), which
// valid UTF-8 never yields: so different names stay different, '?' matches such a byte, and a
// pattern file with the same bytes in it matches them exactly.

import { type Bytes, fromUtf8, fromUtf8Lossy } from '../../base/bytes.ts'

const ESCAPE_BASE = 0xdc00
const REPLACEMENT = '\uFFFD'

/** A name, or a line of a pattern file, as text; never fails. */
export function nameText(name: Bytes): string {
  const text = fromUtf8Lossy(name)
  return text.includes(REPLACEMENT) ? escapedText(name) : text
}

function escapedText(name: Bytes): string {
  let text = ''
  for (let at = 0; at < name.length; ) {
    const length = sequenceLength(name[at] as number)
    const character = fromUtf8(name.subarray(at, at + length))
    text += character ?? String.fromCharCode(ESCAPE_BASE + (name[at] as number))
    at += character === undefined ? 1 : length
  }
  return text
}

/** How long a sequence with this first byte would have to be. */
function sequenceLength(first: number): number {
  if (first < 0xc0) return 1
  if (first < 0xe0) return 2
  return first < 0xf0 ? 3 : 4
}
