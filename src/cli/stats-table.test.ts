import { expect, test } from 'vitest'
import { readerOfEvents } from '../../test/reader/reader-of.js'
import { at, completed, runEvent, started, tokens } from '../../test/reader/run-events.js'
import { statsTable } from './stats-table.js'

test('statistics are a table, with a line for each group and one for the total', async () => {
  const reader = await readerOfEvents(
    started({ time: at(0), agent: { id: 'a-1', name: 'writer' } }),
    runEvent('token_usage_updated', { ...tokens(1000), costUsd: 0.5 }, { agent: { id: 'a-1', name: 'writer' } }),
    runEvent('tool_call_failed', { callId: 'c', tool: { name: 't' } }, { agent: { name: 'e\u001b[2Jditor' } }),
    runEvent('run_failed', { durationMs: 1500, error: { code: 'c', message: '' } }, { agent: { id: 'a-1' } }),
    completed(),
    runEvent('run_interrupted', { reason: 'process_died' }, { runId: 'r-2' }),
  )
  expect(statsTable(await reader.stats({ groupBy: 'agent' }))).toBe(
    `
                 tokens    in   out   cost  calls  runs  failed  interrupted   p50   p95  tools  failed  errors
writer             3000  1000  2000  $0.50      1     1       1            0  1.5s  1.5s      0       0       0
–                     0     0     0             0     2       0            1                  0       0       0
e\\u{1b}[2Jditor       0     0     0             0     0       0            0                  1       1       0
total              3000  1000  2000  $0.50      1     3       1            1  1.5s  1.5s      1       1       0`.slice(
      1,
    ),
  )
})
