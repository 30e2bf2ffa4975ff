import { expect, test } from 'vitest'
import { readerOfEvents } from '../../../test/reader/reader-of.js'
import { at, started } from '../../../test/reader/run-events.js'

const writer = { id: 'a-1', name: 'writer' }

test('agents are listed in the order of their first events, with what they did', async () => {
  const reader = await readerOfEvents(
    { time: at(0) },
    { time: at(1), agent: { name: 'editor' } },
    started({ time: at(2), agent: writer, runId: 'r-1' }),
    { time: at(3), agent: { id: 'a-1' } },
    started({ time: at(4), agent: writer, runId: 'r-2' }),
    { time: at(5), agent: { name: 'editor' } },
  )
  const editor = {
    name: 'editor',
    firstEventAt: at(1),
    lastEventAt: at(5),
    events: 2,
    runs: 0,
    firstSeq: 1,
    lastSeq: 5,
  }
  const first = { ...writer, firstEventAt: at(2), lastEventAt: at(4), events: 3, runs: 2, firstSeq: 2, lastSeq: 4 }
  expect(await reader.agents().toArray()).toEqual([editor, first])
  expect(await reader.agents({ order: 'desc' }).toArray()).toEqual([first, editor])
  expect(await reader.agents({ limit: 1 }).toArray()).toEqual([editor])
  expect(await reader.agents({ since: at(5) }).toArray()).toEqual([editor])
  expect(await reader.agents({ until: at(2) }).toArray()).toEqual([editor])
})

test('of one tenant, only what an agent did for it is told', async () => {
  const reader = await readerOfEvents(
    started({ time: at(0), agent: writer, tenantId: 'acme' }),
    started({ time: at(1), agent: { name: 'editor' }, tenantId: 'globex' }),
    started({ time: at(2), agent: writer, tenantId: 'globex' }),
    { time: at(3), agent: { name: 'checker' }, tenantId: 'acme' },
  )
  const agents = await reader.agents({ tenantId: 'globex' }).toArray()
  expect(agents).toMatchObject([
    { name: 'editor' },
    { ...writer, events: 1, runs: 1, firstSeq: 2, firstEventAt: at(2) },
  ])
})

test('two agents of one name are two, and a name without an id is the agent that first had it', async () => {
  const reader = await readerOfEvents(
    { agent: { id: 'a-1', name: 'writer' } },
    { agent: { name: 'writer' } },
    { agent: { id: 'a-2', name: 'writer' } },
    { agent: { id: 'a-1', name: 'renamed' } },
    { agent: { id: 'same', name: 'same' } },
    { agent: { id: '__proto__' } },
  )
  const agents = await reader.agents().toArray()
  expect(agents.map(({ id, events }) => [id, events])).toEqual([
    ['a-1', 2],
    ['a-2', 1],
    ['same', 1],
    ['__proto__', 1],
  ])
  expect(agents[0]?.name).toBe('writer')
})
