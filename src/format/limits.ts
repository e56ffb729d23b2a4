// Every maximum of the format, in one place. A reader checks each before it allocates or loops, so
// that no object, however hostile, costs more than these; a writer never exceeds one.

import { DATE_MS_MAX } from '../base/date.ts'

export const KIBI = 1024
export const MEBI = 1024 * 1024

/** The longest blob, hence the longest chunk and tree node. */
export const BLOB_BYTES_MAX = 16 * MEBI
export const FRAME_BLOBS_MAX = 65_536
/** Longest plaintext of a frame: its table of lengths, then its blobs. */
export const FRAME_RAW_BYTES_MAX = BLOB_BYTES_MAX + 4 + 4 * FRAME_BLOBS_MAX
export const PACK_BYTES_MAX = 128 * MEBI
export const PACK_HEADER_BYTES_MAX = 32 * MEBI
export const PACK_FRAMES_MAX = 262_144
export const PACK_BLOBS_MAX = 524_288
export const PACK_REFS_MAX = 524_288
export const SESSIONS_MAX = 16_384

export const INDEX_BYTES_MAX = 64 * MEBI
export const INDEX_PACKS_MAX = 65_536
export const INDEX_FRAMES_MAX = 1_048_576
export const INDEX_BLOBS_MAX = 1_048_576
export const INDEX_SUPERSEDES_MAX = 65_536

/** Objects that are neither packs nor index segments. */
export const METADATA_BYTES_MAX = 16 * MEBI
export const CERTIFICATE_BYTES_MAX = 65_535
export const SUMMARY_BYTES_MAX = 256 * KIBI
export const DETAILS_BYTES_MAX = 4 * MEBI

/** Linux allows 255; file systems whose names are UTF-16 have longer ones in UTF-8. */
export const NAME_BYTES_MAX = 1_020
export const PATH_BYTES_MAX = 1 * MEBI
/**
 * Names on the way from the root to an entry, its own included: twice what a path that Linux takes in
 * one call can have, and with names of 255 bytes exactly the longest path.
 */
export const PATH_NAMES_MAX = 4_096
export const OWNER_NAME_BYTES_MAX = 256
export const LINK_TARGET_BYTES_MAX = 65_535
export const XATTRS_MAX = 4_096
export const XATTR_NAME_BYTES_MAX = 255
export const XATTR_VALUE_BYTES_MAX = 1 * MEBI

export const DIRECTORY_NODE_ITEMS_MAX = 8_192
export const LIST_NODE_ITEMS_MAX = 8_192
export const INLINE_PIECES_MAX = 128
/** Runs of data of one file, in its entry or its list. */
export const FILE_EXTENTS_MAX = 1_048_576
/** Levels of nodes above a directory's or list's leaves. */
export const NODE_LEVEL_MAX = 16

export const DOMAINS_MAX = 65_536
export const EPOCHS_MAX = 4_096
export const GRANT_BYTES_MAX = 16 * MEBI
/** How many grants are tried with one passphrase. */
export const GRANTS_TRIED_MAX = 64
/** Later ones are no time that could be shown. */
export const TIME_MS_MAX = DATE_MS_MAX
export const TEXT_BYTES_MAX = 4_096
export const TAGS_MAX = 256
export const PATHS_MAX = 65_536
export const PROBLEMS_MAX = 1_000
export const MARKED_NAMES_MAX = 262_144
/** A snapshot as it is stored: details, summary and what is around them. */
export const SNAPSHOT_BYTES_MAX = DETAILS_BYTES_MAX + SUMMARY_BYTES_MAX + 4 * KIBI
export const FORGOTTEN_MAX = 131_072
export const SIGHTED_MAX = 131_072
export const LOST_IDS_MAX = 262_144
/** Packs that an origin record names, and the bytes that it has of each name. */
export const ORIGIN_PACKS_MAX = 4_000_000
export const ORIGIN_NAME_BYTES = 4
/** The longest name of an object. */
export const QUARANTINED_NAME_BYTES_MAX = 88
/** What was found, and what is before it. */
export const QUARANTINED_BYTES_MAX = 256 * MEBI
