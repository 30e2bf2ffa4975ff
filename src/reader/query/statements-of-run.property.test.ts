import fc from 'fast-check'
import { expect, test } from 'vitest'
import { filled, unchecked } from '../../../test/reader/reader-of.js'
import { memoryStore } from '../../store/memory/index.js'
import type { ReadableStore } from '../../store/readable.js'
import { sealedEntry } from '../../testing/index.js'
import type { Identities, LogUpTo } from './identity.js'
import { IdentityTable } from './identity-table.js'

const RUNS = ['r-1', 'r-2']
const TENANTS = ['a', 'b', 'c']
const SESSIONS = ['s-1', 's-2', 's-3']

const owner = fc.record({ tenantId: fc.constantFrom(...TENANTS), sessionId: fc.constantFrom(...SESSIONS) })
/** Few times, so that many are equal; a later statement of a log may have an earlier one. */
const statement = fc.record({
  runId: fc.constantFrom(...RUNS),
  owner,
  previous: owner,
  time: fc.constantFrom('00', '01', '02', '03'),
})
const logs = fc.array(fc.array(statement, { maxLength: 5 }), { minLength: 2, maxLength: 3 })

type Statement = typeof statement extends fc.Arbitrary<infer T> ? T : never

let made = 0

async function storeOf(statements: readonly Statement[]): Promise<ReadableStore> {
  const entries = statements.map(({ runId, owner, previous, time }) =>
    sealedEntry(
      unchecked({
        type: 'run_identified',
        statementOf: 'log.example',
        id: `e-${made++}`,
        time: `2026-01-01T00:00:${time}.000000000Z`,
        runId,
        ...owner,
        data: { previous },
      }),
    ),
  )
  return await filled(memoryStore(), [entries])
}

/** The answers of the identities for every event that there may be. */
function told(identities: Identities): unknown {
  return RUNS.flatMap((runId) =>
    TENANTS.flatMap((tenantId) => [
      ...SESSIONS.map((sessionId) => {
        const { tenantId: tenant, sessionId: session } = identities.ownerOf({ runId, tenantId, sessionId })
        return [tenant, session]
      }),
      identities.sessionOf(tenantId, runId),
      identities.tenantsBefore(tenantId, runId).toSorted(),
      identities.into(tenantId).runIds.toSorted(),
      identities.moves(tenantId),
    ]),
  )
}

test('whose a run is does not depend on the order in which logs are read', async () => {
  await fc.assert(
    fc.asyncProperty(logs, fc.infiniteStream(fc.nat()), async (statements, picks) => {
      const stores = await Promise.all(statements.map(storeOf))
      const whole: LogUpTo[] = stores.map((store, number) => ({ store, number, size: store.size }))
      const expected = told(await new IdentityTable().at(whole))
      const table = new IdentityTable()
      const sizes = stores.map(() => 0)
      for (let left = statements.flat().length; left > 0; left--) {
        const growing = whole.filter(({ number = 0, size }) => (sizes[number] as number) < size)
        const { number = 0 } = growing[picks.next().value % growing.length] as LogUpTo
        sizes[number] = (sizes[number] as number) + 1
        // The logs that have something so far, those that were read first in front.
        await table.at([{ store: stores[number] as ReadableStore, number, size: sizes[number] as number }])
        const now = whole.map((log, at) => ({ ...log, size: sizes[at] as number }))
        // At each moment it is what another reader finds that reads so far.
        expect(told(await table.at(now))).toEqual(told(await new IdentityTable().at(now)))
      }
      expect(told(await table.at(whole))).toEqual(expected)
    }),
    { numRuns: 200 },
  )
})

test('the earliest statement counts, of equal times that of the lower log, and of one log the first', async () => {
  const say = (to: string, time: Statement['time']): Statement => ({
    runId: 'r-1',
    owner: { tenantId: to, sessionId: 's-1' },
    previous: { tenantId: 'a', sessionId: 's-1' },
    time,
  })
  const tenantOf = async (...statements: Statement[][]) => {
    const stores = await Promise.all(statements.map(storeOf))
    const read = stores.map((store, number) => ({ store, number, size: store.size })).toReversed()
    const { tenantId } = (await new IdentityTable().at(read)).ownerOf({
      runId: 'r-1',
      tenantId: 'a',
      sessionId: 's-1',
    })
    return tenantId
  }
  expect(await tenantOf([say('b', '02')], [say('c', '01')])).toBe('c')
  expect(await tenantOf([say('b', '01')], [say('c', '01')])).toBe('b')
  expect(await tenantOf([say('b', '02'), say('c', '01')])).toBe('b')
  expect(await tenantOf([say('b', '03'), say('c', '01')], [say('c', '02')])).toBe('c')
})
