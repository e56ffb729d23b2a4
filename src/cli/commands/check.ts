import type { Command } from 'commander'
export function addCheck(_program: Command): void {}
