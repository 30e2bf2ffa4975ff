import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { AuditSpanProcessor } from '../otel/processor.js'
import { openAuditLog } from './index.js'

test("':memory:' is refused, with the way to a log in memory", async () => {
  await expect(openAuditLog(':memory:')).rejects.toThrow(/^openAuditLog: ':memory:'.*memoryStore\(\)/)
  expect(() => new AuditSpanProcessor({ location: ':memory:' })).toThrow(
    /^AuditSpanProcessor: ':memory:'.*memoryStore\(\)/,
  )
  expect(existsSync(':memory:')).toBe(false)
})
