import type { Command } from 'commander'
export function addDump(_program: Command): void {}
