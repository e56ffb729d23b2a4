// What every command works with: everything that comes from outside the program, wired by hand.

import { homedir } from 'node:os'
import { type Clock, systemClock } from '../base/clock.ts'
import { type Random, systemRandom } from '../sealer/random.ts'
import { Interruption } from './interruption.ts'
import { Output } from './output.ts'
import { type Environment, type Places, placesOf } from './places.ts'
import { escapedEnvironment } from './raw-arguments.ts'
import { type GlobalFlags, type Settings, settingsOf } from './settings.ts'

export interface Context {
  readonly env: Environment
  readonly places: Places
  readonly flags: GlobalFlags
  readonly output: Output
  readonly interruption: Interruption
  readonly clock: Clock
  readonly random: Random
  /** Read when it is asked for: a broken configuration does not keep `version` from working. */
  readonly settings: Settings
}

export function newContext(flags: GlobalFlags): Context {
  const env = escapedEnvironment({ ...process.env })
  // Programs that we start have no use for it.
  delete process.env['CAIRN_PASSPHRASE']
  delete process.env['CAIRN_TO_PASSPHRASE']
  delete process.env['CAIRN_LIKE_PASSPHRASE']
  const places = placesOf(env, homeIn(env))
  const output = outputFor(flags, env)
  let settings: Settings | undefined
  return {
    env,
    places,
    flags,
    output,
    interruption: new Interruption((text) => output.note(text)),
    clock: systemClock,
    random: systemRandom,
    get settings() {
      settings ??= settingsOf(flags, { env, places })
      return settings
    },
  }
}

/** What homedir() takes from HOME, with its bytes. */
function homeIn(env: Environment): string {
  const home = env['HOME'] ?? ''
  return home === '' ? homedir() : home
}

function outputFor(flags: GlobalFlags, env: Environment): Output {
  const { json = false, quiet = false, verbose = false, color = true } = flags
  const wantsColor = color && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  const { stdout, stderr } = process
  return new Output({ json, quiet, verbose, color: wantsColor, stdout, stderr })
}
