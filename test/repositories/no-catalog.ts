// The catalog of a machine that remembers nothing.

import type { CatalogPlace } from '../../src/repository/catalog.ts'

export const NO_CATALOG: CatalogPlace = { read: () => undefined, write: () => undefined }
