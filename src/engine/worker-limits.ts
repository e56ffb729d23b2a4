// What a worker thread's JavaScript may take. Workers allocate little that lives: a small nursery is
// collected more often, which costs less than the memory that a large one would keep for ever.

export const WORKER_LIMITS = { maxYoungGenerationSizeMb: 16 } as const
