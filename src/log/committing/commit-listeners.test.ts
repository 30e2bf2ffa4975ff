import { describe, expect, it, vi } from 'vitest'
import { hold } from '../../../test/support/held-log.js'
import { sealedEntry } from '../../testing/sealed-entry.js'
import type { AppendResult } from '../contract.js'
import { Group } from './commit-group.js'
import { checkpointCommits, headCommits, journalCommits } from './commit-listeners.js'
import type { Committed } from './commit-loop.js'

const END = { segment: 1, offset: 42 }
const LEAF = new Uint8Array(32)
const COMMIT: Committed = { entries: [], marks: {}, size: 3, lastLeaf: LEAF, conflicts: 0, durationMillis: 1 }

describe('the journal in commits', () => {
  function journalWith(parts: { settled?: Promise<void>; listed?: Promise<void>; check?: () => void } = {}) {
    const calls: string[] = []
    const entry = sealedEntry()
    const journal = {
      listed: (parts.listed ?? Promise.resolve()).then(() => void calls.push('listed')),
      read: async () => {
        calls.push('read')
        return [entry]
      },
      settled: () => END,
      release: vi.fn(),
    }
    const writeAhead = {
      journal,
      settled: async () => {
        await parts.settled
        calls.push('settled')
      },
      check: () => {
        parts.check?.()
        calls.push('checked')
      },
    }
    const group = new Group<AppendResult>()
    group.add(entry, true, END)
    const listener = journalCommits(writeAhead, { load: () => void calls.push('loaded') })
    return { calls, journal, group, listener }
  }

  it('waits until the journal is written and listed before the store is', async () => {
    const [settled, listed] = [hold(), hold()]
    const { calls, group, listener } = journalWith({ settled: settled.held, listed: listed.held })
    const marks = listener.prepare?.(group)
    await vi.waitFor(() => expect(calls).toEqual([]))
    settled.release()
    await vi.waitFor(() => expect(calls).toEqual(['settled', 'checked']))
    listed.release()
    expect(await marks).toEqual({ journal: END })
    expect(calls).toEqual(['settled', 'checked', 'listed'])
  })

  it('reads a group that was spilled back from the journal, once that is written', async () => {
    const { calls, group, listener } = journalWith()
    group.span = { from: { segment: 1, offset: 0 }, to: END }
    await listener.prepare?.(group)
    expect(calls.filter((call) => call !== 'listed')).toEqual(['settled', 'read', 'loaded', 'checked'])
  })

  it('makes the commit fail where the journal is not sound', async () => {
    const unsound = new Error('gone')
    const { group, listener } = journalWith({
      check: () => {
        throw unsound
      },
    })
    await expect(listener.prepare?.(group)).rejects.toBe(unsound)
  })

  it('keeps its files until the store has what is in them', async () => {
    const { journal, group, listener } = journalWith()
    const marks = (await listener.prepare?.(group)) ?? {}
    expect(journal.release).not.toHaveBeenCalled()
    listener.committed?.(COMMIT)
    expect(journal.release).not.toHaveBeenCalled()
    listener.committed?.({ ...COMMIT, marks })
    expect(journal.release.mock.calls).toEqual([[END]])
  })
})

describe('checkpoints in commits', () => {
  function checkpointsWith(unstored: string | undefined) {
    const checkpointer = { unstored, stored: vi.fn(), committed: vi.fn() }
    const root = new Uint8Array([1])
    return { checkpointer, root, listener: checkpointCommits(checkpointer, { root }) }
  }

  it('go into the store with the commit, and are noted as stored behind it', async () => {
    const { checkpointer, listener } = checkpointsWith('note')
    const marks = (await listener.prepare?.(new Group())) ?? {}
    expect(marks).toEqual({ checkpoint: 'note' })
    expect(checkpointer.stored).not.toHaveBeenCalled()
    listener.committed?.({ ...COMMIT, marks })
    expect(checkpointer.stored.mock.calls).toEqual([['note']])
  })

  it('cover what was committed, where the log has grown', () => {
    const { checkpointer, root, listener } = checkpointsWith(undefined)
    listener.committed?.({ ...COMMIT, lastLeaf: undefined })
    expect(checkpointer.committed).not.toHaveBeenCalled()
    listener.committed?.(COMMIT)
    expect(checkpointer.committed.mock.calls).toEqual([[3, root]])
    expect(checkpointer.stored).not.toHaveBeenCalled()
  })
})

it('writes the file head with size and last leaf, where the log has grown', () => {
  const head = { write: vi.fn() }
  const listener = headCommits(head)
  listener.committed?.({ ...COMMIT, lastLeaf: undefined })
  expect(head.write).not.toHaveBeenCalled()
  listener.committed?.(COMMIT)
  expect(head.write.mock.calls).toEqual([[3, LEAF]])
})
