import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'sim/**/*.test.ts', 'test/**/*.test.ts'],
    // Browsers need libraries of the system (`npm run test:browser`); the soak is an hour of simulated time (`npm run test:soak`).
    exclude: ['test/browser/**', 'test/soak/**', 'node_modules/**'],
    // Only a test that hangs is stopped: a busy machine is no failure.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    pool: 'forks',
    // End-to-end tests mostly wait for the processes they start.
    maxWorkers: 3,
  },
})
