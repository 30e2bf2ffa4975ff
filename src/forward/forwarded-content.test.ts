import { expect, test } from 'vitest'
import { directory, useTestDirectory } from '../../test/support/test-directory.js'
import { openAuditLog } from '../audit-log/index.js'
import { content } from '../events/content.js'
import { type ContentChoice, openAuditLogReader } from '../reader/index.js'
import { sizeOf } from '../store/entry-size.js'
import { levelStore } from '../store/leveldb/index.js'
import { memoryStore } from '../store/memory/index.js'
import { forwardAuditLog } from './index.js'

useTestDirectory()

const policy = { name: 'everything', rules: [{ payload: 'content' }] } as const

async function openWithContent() {
  const log = await openAuditLog(directory, { policy, on: { problem: () => {} } })
  const call = { callId: 'c', tool: { name: 't' } }
  log.record({ type: 'error_occurred', data: { operation: 'o', error: { code: 'E', message: 'no' } } })
  log.record({ type: 'tool_call_failed', data: { ...call, arguments: { q: 1 }, error: { code: 'E', message: 'why' } } })
  await log.flush()
  return log
}

test.each([
  ['none', ['missing', 'missing', 'missing']],
  ['diagnostics', ['readable', 'missing', 'readable']],
  ['all', ['readable', 'readable', 'readable']],
] as const)('a copy that is forwarded with content %s has that, for whoever has the keys', async (choice, statuses) => {
  await using log = await openWithContent()
  const target = `${directory}-copy`
  const forwarder = forwardAuditLog(log, levelStore(target), { content: choice as ContentChoice })
  await forwarder.flush()
  await forwarder.close()
  const keys = { directory: `${directory}/keys/content` }
  await using copy = await openAuditLogReader(target, { contentKeys: keys })
  const { size } = await copy.head()
  expect(size).toBe((await log.head()).size)
  const [own, others] = [await log.prove(size - 1, { size }), await copy.prove(size - 1, { size })]
  expect(others.root).toEqual(own.root)
  const found = []
  for (const event of await copy.events({ type: ['error_occurred', 'tool_call_failed'] }).toArray()) {
    for (const { field, status } of await copy.content(event)) found.push([field, status])
  }
  const fields = ['data.error.message', 'data.arguments', 'data.error.message']
  expect(found.sort()).toEqual(fields.map((field, n) => [field, statuses[n]]).sort())
  await using without = await openAuditLogReader(target)
  expect(await without.events({ content: 'all' }).toArray()).toHaveLength(size)
})

test('a reader of a directory forwards content as the open log does', async () => {
  const log = await openWithContent()
  await log.close()
  await using reader = await openAuditLogReader(directory)
  const remote = memoryStore()
  await using forwarder = forwardAuditLog(reader, remote, { content: 'all' })
  await forwarder.flush()
  const items = await remote.content?.([0, 1, 2])
  expect(
    items
      ?.flat()
      .map(({ field }) => field)
      .sort(),
  ).toEqual(['data.arguments', 'data.error.message', 'data.error.message'])
})

test('a store that keeps no content is refused at once, and so is a choice that is none', async () => {
  await using log = await openWithContent()
  const remote = Object.assign(memoryStore(), { content: undefined }) as never
  expect(() => forwardAuditLog(log, remote, { content: 'all' })).toThrow(/keeps no content/)
  expect(() => forwardAuditLog(log, memoryStore(), { content: 'some' as never })).toThrow(/none, diagnostics, all/)
  const { entries, follow, get, head, prove } = log
  const foreign = { location: log.location, entries, follow, get, head, prove }
  expect(() => forwardAuditLog(foreign, memoryStore(), { content: 'all' })).toThrow(/of this package only/)
  await forwardAuditLog(log, remote).close()
})

test('content counts for the size of a commit', async () => {
  await using log = await openAuditLog({ store: memoryStore() })
  const large = 'x'.repeat(250_000)
  for (let n = 0; n < 40; n++) log.record({ type: 'custom', data: { name: 'note', note: content(large + n) } })
  const remote = memoryStore()
  const sizes: number[] = []
  const { commit } = remote
  remote.commit = (entries, ...rest) => {
    sizes.push(entries.reduce((sum, entry) => sum + sizeOf(entry), 0))
    return commit.call(remote, entries, ...rest)
  }
  await using forwarder = forwardAuditLog(log, remote, { content: 'all' })
  await forwarder.flush()
  expect((await remote.content?.([...Array(40).keys()]))?.map((items) => items.length)).toEqual(Array(40).fill(1))
  expect(Math.max(...sizes)).toBeLessThan(5 * 1024 * 1024)
  expect(Math.max(...sizes)).toBeGreaterThan(1024 * 1024)
})
