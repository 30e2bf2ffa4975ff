import { afterEach, beforeEach, expect, test } from 'vitest'
import { type AuditLog, openAuditLog } from '../audit-log/index.js'
import { content } from '../events/content.js'
import type { AuditStore } from '../store/contract.js'
import { sizeOf } from '../store/entry-size.js'
import { memoryStore } from '../store/memory/index.js'
import { forwardAuditLog } from './index.js'

let log: AuditLog
beforeEach(async () => {
  log = await openAuditLog({ store: memoryStore() })
})
afterEach(async () => {
  await log.close()
})

function note(text: string): void {
  log.record({ type: 'custom', data: { name: 'note', note: content(text) } })
}

/** Forwards what there is. @returns the number of items of each entry of the remote log */
async function forwarded(remote: AuditStore, options: { readonly content?: boolean }): Promise<readonly number[]> {
  const forwarder = forwardAuditLog(log, remote, options)
  await forwarder.flush()
  const items = (await remote.content?.([...Array(remote.size).keys()])) ?? []
  await forwarder.close()
  return items.map((each) => each.length)
}

test('content stays with the local log where nobody asks for it', async () => {
  note('a')
  expect(await forwarded(memoryStore(), {})).toEqual([0])
})

test('content is carried over with its entries where that is asked for', async () => {
  note('a')
  log.record({ type: 'custom', data: { name: 'note' } })
  note('')
  expect(await forwarded(memoryStore(), { content: true })).toEqual([1, 0, 1])
})

test('content counts for the size of a commit', async () => {
  const large = 'x'.repeat(250_000)
  for (let n = 0; n < 40; n++) note(large + n)
  const sizes: number[] = []
  const remote = new Proxy(memoryStore(), {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name !== 'commit') return typeof value === 'function' ? value.bind(target) : value
      return (...args: Parameters<AuditStore['commit']>) => {
        sizes.push(args[0].reduce((sum, entry) => sum + sizeOf(entry), 0))
        return target.commit(...args)
      }
    },
  })
  expect(await forwarded(remote, { content: true })).toEqual(Array(40).fill(1))
  expect(Math.max(...sizes)).toBeLessThan(5 * 1024 * 1024)
  expect(Math.max(...sizes)).toBeGreaterThan(1024 * 1024)
})

test('forwarding content is refused where there is none to read, or nothing that keeps it', () => {
  const foreign = { location: 'x', entries: () => log.entries(), prove: () => log.prove(0) } as unknown as AuditLog
  expect(() => forwardAuditLog(foreign, memoryStore(), { content: true })).toThrow('the log must be one')
  const without = Object.create(memoryStore(), { content: { value: undefined } })
  expect(() => forwardAuditLog(log, without, { content: true })).toThrow('the store keeps none')
  expect(() => forwardAuditLog(log, memoryStore(), { content: 'all' as unknown as boolean })).toThrow(TypeError)
})
