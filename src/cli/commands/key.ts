import type { Command } from 'commander'
export function addKey(_program: Command): void {}
