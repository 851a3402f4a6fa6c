import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'sim/**/*.test.ts', 'test/**/*.test.ts'],
    // They need the system libraries of a browser: `npm run test:browser`.
    exclude: ['test/browser/**', 'node_modules/**'],
    // Only a test that hangs is stopped: a busy machine is no failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // End-to-end tests mostly wait for the processes they start.
    maxWorkers: 3,
  },
})
