// The CRC-32 of a concatenation from the CRCs of its parts, so that segments of one file can be
// read on several cores and holes need not be read at all.
//
// Appending n zero bytes multiplies the CRC polynomial by x^(8n) modulo the generator. Polynomials
// are kept bit-reflected as CRC-32 has them: bit 31 is x^0.

const GENERATOR = 0xedb88320

/** a * b modulo the generator, over GF(2), reflected. */
function multiply(a: number, b: number): number {
  let product = 0
  let factor = b
  for (let mask = 0x80000000; mask !== 0; mask >>>= 1) {
    if ((a & mask) !== 0) product ^= factor
    factor = (factor & 1) !== 0 ? (factor >>> 1) ^ GENERATOR : factor >>> 1
  }
  return product >>> 0
}

// POWERS[k] is x^(8 * 2^k).
const POWERS: number[] = [0x00800000]
for (let k = 1; k < 64; k++) POWERS.push(multiply(POWERS[k - 1] as number, POWERS[k - 1] as number))

/** x^(8n). `n` is a safe integer, in bytes. */
function zeroBytesOperator(n: number): number {
  let operator = 0x80000000
  for (let k = 0, rest = n; rest > 0; k++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) operator = multiply(operator, POWERS[k] as number)
  }
  return operator
}

/** The CRC-32 of A followed by B, where B is `lengthB` bytes long. */
export function crc32Combine(crcA: number, crcB: number, lengthB: number): number {
  return (multiply(zeroBytesOperator(lengthB), crcA) ^ crcB) >>> 0
}

/** The CRC-32 of `length` zero bytes. */
export function crc32OfZeros(length: number): number {
  return (multiply(zeroBytesOperator(length), 0xffffffff) ^ 0xffffffff) >>> 0
}
