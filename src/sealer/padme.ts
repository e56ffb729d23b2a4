// Padme (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with
// PURBs", 2019): rounds a length so that only O(log log n) bits of it show, for at most 12 %.

/** The padded length for `length` bytes. */
export function padmeBytes(length: number): number {
  if (length < 2) return length
  const exponent = Math.floor(Math.log2(length))
  const significant = Math.floor(Math.log2(exponent)) + 1
  const granule = 2 ** Math.max(0, exponent - significant)
  return Math.ceil(length / granule) * granule
}
