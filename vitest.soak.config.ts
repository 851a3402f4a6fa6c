import { defineConfig } from 'vitest/config'

/** An hour of simulated time with faults drawn anew in every run; half a minute on an idle machine. */
export default defineConfig({
  test: { include: ['test/soak/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 120_000, pool: 'forks', maxWorkers: 1 },
})
