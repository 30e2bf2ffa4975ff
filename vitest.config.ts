import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/sdk3/**'],
    // Native LevelDB handles and child processes of the tests: a process for each file, one for each core of a small machine.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    typecheck: { enabled: false },
  },
})
