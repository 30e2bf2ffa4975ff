import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { run } from './command-line.js'

let directory: string
const ask = (line: string) => run([...line.split(' '), '--log', directory])

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  await using log = await openAuditLog(directory)
  const usage = { inputTokens: 100, outputTokens: 20, totalTokens: 120, costUsd: 0.25 }
  for (const [runId, durationMs] of [
    ['quick', 10],
    ['slow', 90_000],
  ] as const) {
    const scope = { runId, agent: { id: 'a-1', name: 'planner' } }
    await log.append({ ...scope, type: 'run_started', data: { agent: scope.agent, model: 'm-1' } })
    if (runId === 'slow') await log.append({ ...scope, type: 'token_usage_updated', data: { ...usage, model: 'm-1' } })
    await log.append({ ...scope, type: 'run_completed', data: { durationMs, usage } })
  }
  const data = { callId: 'c-1', tool: { name: 'search' } }
  await log.append({
    runId: 'quick',
    agent: { id: 'a-1', name: 'planner' },
    actor: { id: 'u-1' },
    type: 'tool_call_failed',
    data,
  })
})

afterAll(() => rm(directory, { recursive: true, force: true }))

describe('spanledger', () => {
  it('stats sums up, by what is asked for', async () => {
    expect((await ask('stats')).out.split('\n')).toHaveLength(3)
    expect((await ask('stats --group-by model')).out).toMatch(/^m-1 +120 +100 +20 +\$0.25 +1 +2 +0 +0 +10ms +1m30s/m)
    const { total, groups } = JSON.parse((await ask('stats --group-by agent --json')).out)
    expect(total).toMatchObject({ usage: { totalTokens: 120 }, runs: { completed: 2 } })
    expect(groups).toMatchObject([{ key: 'a-1', agent: { name: 'planner' } }])
    expect(await ask('stats --group-by tenant')).toMatchObject({
      code: 64,
      err: expect.stringContaining("'agent', 'model', 'day'"),
    })
  })

  it('agents lists who acted', async () => {
    expect((await ask('agents')).out).toMatch(/planner \(a-1\) {2}6 events {2}2 runs\n$/)
    expect(JSON.parse((await ask('agents --jsonl')).out)).toMatchObject({ id: 'a-1', runs: 2 })
  })

  it('finds what an actor did, and what was done with a tool', async () => {
    for (const [line, found] of [
      ['query --tool search --count', '1\n'],
      ['query --tool sear --count', '0\n'],
      ['query --actor u-1 -t tool_call_failed --count', '1\n'],
      ['query --actor planner --count', '0\n'],
    ] as const) {
      expect({ line, found: (await ask(line)).out }).toEqual({ line, found })
    }
    expect((await ask('tail --tool search')).out).toMatch(/^[^\n]*tool_call_failed[^\n]*\n$/)
    expect((await ask('export --actor u-1')).out).toMatch(/^[^\n]*"name":"search"[^\n]*\n$/)
    expect((await ask('runs --actor u-1')).out).toMatch(/^[^\n]*quick[^\n]*\n$/)
    const { total } = JSON.parse((await ask('stats --tool search --json')).out)
    expect(total).toMatchObject({ toolCalls: { failed: 1 }, runs: { completed: 0 } })
    expect(await ask('runs --tool search')).toMatchObject({ code: 64 })
  })

  it('runs finds what was slow or expensive', async () => {
    for (const [line, found] of [
      ['runs --min-duration 60000', 1],
      ['runs --min-duration 0', 2],
      ['runs --min-total-tokens 121', 0],
      ['runs --min-cost 0.25', 2],
    ] as const) {
      expect({ line, found: (await ask(line)).out.split('\n').length - 1 }).toEqual({ line, found })
    }
    expect(await ask('runs --min-cost much')).toMatchObject({ code: 64, err: expect.stringContaining("'much'") })
  })
})
