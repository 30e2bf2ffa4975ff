import { defineConfig } from 'vitest/config'

// Needs the programs of PostgreSQL: kept apart from the tests that need Node.js only.
export default defineConfig({
  test: {
    dir: import.meta.dirname,
    include: ['*.test.ts'],
    globalSetup: [`${import.meta.dirname}/support/global-setup.ts`],
    // One server for all files, and one of several at a time on a small machine.
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
