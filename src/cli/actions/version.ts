// `cairn version`.

import type { Context } from '../context.ts'
import { programVersion } from '../program-version.ts'

export function versionAction({ output }: Context): Promise<undefined> {
  const version = programVersion()
  const platform = `${process.platform}-${process.arch}`
  output.line(`cairn ${version} (Node ${process.versions.node}, ${platform})`)
  output.event({ event: 'result', version, node: process.versions.node, platform })
  return Promise.resolve(undefined)
}
