import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import type { Staged } from './staged.js'
import { StagedQueue } from './staged-queue.js'

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('record' as const), length: fc.integer({ min: 1, max: 900 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('state' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('put back' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retry' as const) }) },
)

/** The name that a test gave an event. */
function nameOf({ entry }: Staged): unknown {
  const { data } = JSON.parse(Buffer.from(entry.bytes).toString())
  return data.name ?? data.attachment
}

test('whatever is recorded and taken in whatever order, nothing is lost, repeated or out of order but one gap at the end', async () => {
  const path = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), fc.boolean(), async (actions, hasJournal) => {
      const queue = new StagedQueue({
        staging: hasJournal ? join(path, 'staging') : undefined,
        maxMemoryBytes: 3_000,
        maxStagedBytes: 12_000,
      })
      const kept: string[] = []
      const statements = new Set<string>()
      const taken: Staged[] = []
      let dropped = 0
      for (const [at, given] of actions.entries()) {
        const name = `${at}`
        if (given.do === 'record') {
          const event = queue.record({ type: 'custom', data: { name, text: 'x'.repeat(given.length) } }, false)
          if (event) kept.push(name)
          else dropped++
        } else if (given.do === 'state') {
          const event = queue.record({ type: 'audit_attached', data: { attachment: name, openRuns: [] } }, true)
          if (event) kept.push(name)
          else dropped++
          if (event) statements.add(name)
        } else if (given.do === 'take') taken.push(...(await queue.take()))
        else if (given.do === 'put back') {
          const some = queue.takeNow(1_000)
          taken.push(...some.slice(0, 1))
          queue.putBack(some.slice(1))
        } else queue.retryJournal()
        expect(queue.events).toBe(kept.length - taken.length)
        expect(queue.dropped).toBe(dropped)
      }
      while (queue.events > 0) taken.push(...(await queue.take()))
      expect(taken.map(nameOf)).toEqual(kept)
      expect(taken.filter(({ statement }) => statement).map(nameOf)).toEqual([...statements])
      expect(queue.takeGap()?.count ?? 0).toBe(dropped)
      expect(queue.summary?.count ?? 0).toBe(kept.length)
      await queue.detachJournal()?.remove()
    }),
    { numRuns: 200 },
  )
})
