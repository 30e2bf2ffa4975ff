import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { main } from '../../src/cli/main.js'
import { type AuditLogDirectoryReader, openAuditLogReader } from '../../src/reader/index.js'

// Every question of the cookbook is asked, by its API code and by its command.
const page = await readFile(join(import.meta.dirname, '../../docs/reading.md'), 'utf8')
const questions = [...page.matchAll(/^\| (.+\?) \| `(.+?)` \| `spanledger (.+?)` \|$/gm)].map(
  ([, question = '', code = '', command = '']) => ({ question, code, command }),
)

let directory: string
let log: AuditLogDirectoryReader

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  await using writer = await openAuditLog(directory)
  const run = { runId: 'run-1', sessionId: 's-1', tenantId: 'acme' }
  const tool = { name: 'search' }
  await writer.append({ ...run, type: 'run_started', data: { agent: { name: 'planner' } } })
  await writer.append({ ...run, type: 'tool_approval_granted', data: { callId: 'c-1', tool, by: 'ada' } })
  await writer.append({ ...run, type: 'tool_call_failed', data: { callId: 'c-1', tool } })
  await writer.append({ ...run, type: 'run_failed', data: { error: { code: 'Timeout', message: '' } } })
  log = await openAuditLogReader(directory)
})

afterAll(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

test('there are as many questions as the page should answer', () => {
  expect(questions).toHaveLength(33)
})

test.each(questions)('$question', async ({ code, command }) => {
  const ask = new Function('log', `return ${code}`) as (log: AuditLogDirectoryReader) => unknown
  const answer = ask(log)
  if (typeof answer === 'object' && answer !== null && 'toArray' in answer) {
    await (answer as { toArray(): Promise<unknown> }).toArray()
  } else await answer

  const [out, err] = [new PassThrough(), new PassThrough()]
  const printed = Promise.all([text(out), text(err)])
  const io = { out, err, input: new PassThrough(), env: { SPANLEDGER_LOG: directory }, now: Date.now }
  const exitCode = await main(command.split(' '), { ...io, signal: new AbortController().signal })
  out.end()
  err.end()
  expect({ exitCode, err: (await printed)[1] }).toEqual({ exitCode: 0, err: '' })
})
