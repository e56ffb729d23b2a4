// The program's entry. Compiled code is cached before anything else is loaded: without that the
// start takes twice as long. Everything else is imported when it is needed.

import module from 'node:module'
import { homedir } from 'node:os'
import { placesOf } from './places.ts'

module.enableCompileCache(placesOf(process.env, homedir()).compiled)

const { main } = await import('./run.ts')
await main(process.argv)
