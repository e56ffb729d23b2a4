// The program's entry. Compiled code is cached before anything else is loaded: without that the start
// takes three times as long. bin/cairn sets NODE_COMPILE_CACHE, so that this file comes from the
// cache too; the variable is what worker threads go by. Everything else is imported when needed.

import module from 'node:module'
import { homedir } from 'node:os'
import { placesOf } from './places.ts'

process.env['NODE_COMPILE_CACHE'] ??= placesOf(process.env, homedir()).compiled
module.enableCompileCache(process.env['NODE_COMPILE_CACHE'])

const { main } = await import('./run.ts')
await main(process.argv)
