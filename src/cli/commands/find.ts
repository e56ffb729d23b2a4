import type { Command } from 'commander'
export function addFind(_program: Command): void {}
