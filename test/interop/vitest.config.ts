import { defineConfig } from 'vitest/config'

// Needs Go and golang.org/x/mod: kept apart from the tests that need Node.js only.
export default defineConfig({
  test: { dir: import.meta.dirname, include: ['*.test.ts'], testTimeout: 60_000, hookTimeout: 300_000 },
})
