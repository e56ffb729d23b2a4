import type { Command } from 'commander'
export function addTag(_program: Command): void {}
