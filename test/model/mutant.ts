// What a mutant is: a change of the code that ships, and the configuration that must tell of it.

export interface Edit {
  readonly file: string
  /** Occurs exactly once. */
  readonly find: string
  readonly replace: string
}

export interface Mutant {
  readonly edits: readonly Edit[]
  readonly configuration: string
  /** What is wrong then. */
  readonly expected: RegExp
}
