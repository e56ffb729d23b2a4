import type { Command } from 'commander'
export function addDiff(_program: Command): void {}
