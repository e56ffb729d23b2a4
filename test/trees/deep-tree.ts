// Folders inside each other, deeper than any path can name: made and read from inside of each, by a
// process of its own, because where a process stands is nothing that threads have for themselves.

import { execFileSync } from 'node:child_process'

const FS = "const fs = require('node:fs');"

/** Makes `depth` folders inside each other below `top`, with a file `f` in each `every`-th and `last` in the last. */
export function makeDeep(
  top: string,
  { depth, every, name = 'd' }: { depth: number; every: number; name?: string },
): void {
  run(
    top,
    `for (let i = 1; i <= ${depth}; i++) {
      fs.mkdirSync('${name}'); process.chdir('${name}')
      if (i === ${depth}) fs.writeFileSync('last', 'file ' + i)
      else if (i % ${every} === 0) fs.writeFileSync('f', 'file ' + i)
    }`,
  )
}

interface DeepTree {
  readonly depth: number
  readonly files: Readonly<Record<string, string>>
}

/** How many folders are inside each other, and the depths with contents of the files in them. */
export function readDeep(
  top: string,
  name = 'd',
): { depth: number; files: Record<string, string> } {
  const read = `const files = {}
    let depth = 0
    for (; fs.existsSync('${name}'); depth++) {
      process.chdir('${name}')
      for (const file of ['f', 'last'])
        if (fs.existsSync(file)) files[depth + 1] = fs.readFileSync(file, 'latin1')
    }
    process.stdout.write(JSON.stringify({ depth, files }))`
  return JSON.parse(run(top, read)) as DeepTree
}

function run(cwd: string, script: string): string {
  return execFileSync(process.execPath, ['-e', FS + script], { cwd, maxBuffer: 1 << 26 }).toString()
}
