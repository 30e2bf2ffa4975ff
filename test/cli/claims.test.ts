import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuditLog } from 'spanledger'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from './command-line.js'

const directory = await mkdtemp(join(tmpdir(), 'spanledger-claims-'))
const spanledger = async (...args: string[]) => (await run([...args, '--log', directory])).out

beforeAll(async () => {
  const log = await openAuditLog(directory)
  const of = { runId: 'r-1', tenantId: 'acme' }
  const claim = { convention: 'ai-sdk', scope: 'ai', confidence: 'claimed' as const }
  const data = { callId: 'c-1', tool: { name: 'wire_money' } }
  await log.append({ ...of, type: 'run_started', data: { agent: { name: 'desk' } } })
  await log.append({ ...of, type: 'tool_approval_requested', source: claim, data })
  await log.append({ ...of, type: 'tool_approval_granted', source: claim, data })
  await log.append({ ...of, type: 'tool_approval_granted', data: { ...data, callId: 'c-2', by: 'ada' } })
  await log.close()
})

afterAll(() => rm(directory, { recursive: true, force: true }))

test.each([
  ['show', ['show', 'r-1']],
  ['tail', ['tail', '-n', '9']],
  ['query', ['query']],
])('%s marks what a client claims, and that alone', async (_, args) => {
  const lines = (await spanledger(...args)).split('\n').filter((line) => line.includes('tool_approval_'))
  expect(lines).toHaveLength(3)
  for (const line of lines) expect(line.includes('(claimed)'), line).toBe(line.includes('c-1'))
})

test('a count says how many of what it counts are claimed approvals', async () => {
  const count = (...args: string[]) => spanledger('query', '--count', ...args)
  expect(await count('-t', 'tool_approval_granted')).toBe('2 (1 of them claimed approvals)\n')
  expect(await count('-t', 'tool_approval_granted', '--jsonl')).toBe('{"count":2,"claimedApprovals":1}\n')
  expect(await count()).toBe('4 (2 of them claimed approvals)\n')
  expect(await count('-n', '2')).toBe('2 (1 of them claimed approvals)\n')
  expect(await count('-t', 'run_started')).toBe('1\n')
})

test.each(['csv', 'cloudevents', 'ocsf', 'otlp', 'events', 'jsonl'])('an export as %s marks it', async (format) => {
  const text = await spanledger('export', '-f', format, '-t', 'tool_approval_granted', '-n', '1')
  expect(text).toContain('c-1')
  expect(text).toContain('claimed')
})
