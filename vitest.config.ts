import { defineConfig } from 'vitest/config'

const source = (path: string) => new URL(path, import.meta.url).pathname

export default defineConfig({
  // Examples of the documentation import the package by its name; in tests that is its source.
  resolve: {
    alias: [
      { find: /^spanledger$/, replacement: source('./src/index.ts') },
      { find: /^spanledger\/reader$/, replacement: source('./src/reader/index.ts') },
      { find: /^spanledger\/export$/, replacement: source('./src/export/index.ts') },
      { find: /^spanledger\/record$/, replacement: source('./src/record/index.ts') },
      { find: /^spanledger\/verify$/, replacement: source('./src/verify/index.ts') },
      { find: /^spanledger\/testing$/, replacement: source('./src/testing/index.ts') },
      { find: /^spanledger\/witness$/, replacement: source('./src/witness/index.ts') },
    ],
  },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/sdk3/**', 'test/interop/**', 'test/postgres/**'],
    // Native LevelDB handles and child processes of the tests: a process for each file, one for each core of a small machine.
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Against hanging, on machines that have much else to do as well. No test takes as long by itself.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    typecheck: { enabled: false },
  },
})
