import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// Needs the programs of PostgreSQL: kept apart from the tests that need Node.js only.
export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  test: {
    include: ['test/postgres/*.test.ts', 'src/reader/**/*.property.test.ts'],
    env: { SPANLEDGER_TEST_ENGINE: 'PostgreSQL' },
    globalSetup: [`${import.meta.dirname}/support/global-setup.ts`],
    // One server for all files, and one of several at a time on a small machine.
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
