// The small signed records that writers put (docs/format.md, section 13): receipts and leases. Each is
// an envelope sealed under the header key, so that upkeep can read it and a store cannot. What only
// upkeep puts is in upkeep-records.ts.

import type { Bytes } from '../base/bytes.ts'
import { type Codec, choice, fixedBytes, record, required, text, time, uint } from './codec.ts'
import { TEXT_BYTES_MAX } from './limits.ts'
import { SESSION_ID_BYTES } from './snapshot.ts'

/** Confirms a snapshot: after it was put, all that it needs was found listed and unmarked. */
export interface Receipt {
  /** SHA-256 name of the snapshot. */
  readonly snapshot: Bytes
  readonly sessionId: Bytes
  readonly confirmedMs: number
}

export const receiptCodec: Codec<Receipt> = record<Receipt>({
  snapshot: required(1, fixedBytes(32)),
  sessionId: required(2, fixedBytes(SESSION_ID_BYTES)),
  confirmedMs: required(3, time),
})

/** Says that a session is at work. Protects its effort, never anyone's data. */
export interface Lease {
  readonly sessionId: Bytes
  /** Counts renewals from 1. */
  readonly number: number
  readonly purpose: 'backup' | 'upkeep' | 'repair'
  readonly host: string
  readonly renewedMs: number
}

export const leaseCodec: Codec<Lease> = record<Lease>({
  sessionId: required(1, fixedBytes(SESSION_ID_BYTES)),
  number: required(2, uint()),
  purpose: required(3, choice({ backup: 1, upkeep: 2, repair: 3 })),
  host: required(4, text(TEXT_BYTES_MAX)),
  renewedMs: required(5, time),
})
