import { defineConfig } from 'vitest/config'

/** The panel in a real Chromium; .ci/run sees to the libraries it needs. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: 'forks',
    maxWorkers: 1,
  },
})
