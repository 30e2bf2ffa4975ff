import { expect, it, vi } from 'vitest'
import { hold, settle } from '../../../test/support/held-log.js'
import type { CommitMarks } from '../../store/contract.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntry } from '../../testing/sealed-entry.js'
import type { AppendResult } from '../contract.js'
import { type CommitListener, CommitLoop } from './commit-loop.js'
import { CommitQueue } from './commit-queue.js'

/** A loop over a store in memory, whose timers go off by hand. */
async function openLoop(...listeners: CommitListener[]) {
  const store = memoryStore()
  await store.open()
  const marks: (CommitMarks | undefined)[] = []
  const { commit } = store
  store.commit = async (entries, given) => {
    marks.push(given)
    return await commit.call(store, entries, given)
  }
  const queue = new CommitQueue<AppendResult>(1e6)
  const timers: (() => void)[] = []
  const loop = new CommitLoop({
    store,
    queue,
    listeners,
    errorOf: (cause) => new Error('not committed', { cause }),
    startTimer: (_, callback) => {
      timers.push(callback)
      return () => {}
    },
  })
  const push = () => queue.push(sealedEntry(), false, undefined)
  return { loop, queue, store, marks, timers, push }
}

it('calls the listeners around each commit, one after the other', async () => {
  const calls: string[] = []
  const listener = (name: string): CommitListener => ({
    starting: () => void calls.push(`${name} starting`),
    prepare: () => {
      calls.push(`${name} prepares`)
      return {}
    },
    committed: ({ entries, size }) => void calls.push(`${name} committed ${entries.length} of ${size}`),
    idle: () => void calls.push(`${name} idle`),
  })
  const { loop, push } = await openLoop(listener('a'), listener('b'))
  push()
  push()
  await loop.drain()
  expect(calls).toEqual([
    ...['a starting', 'b starting', 'a prepares', 'b prepares', 'a committed 2 of 2', 'b committed 2 of 2'],
    ...['a starting', 'b starting', 'a idle', 'b idle'],
  ])
  expect(loop.commits).toBe(1)
})

it('stores the marks of all listeners, and gives them back', async () => {
  const committed = vi.fn()
  const journal = { segment: 1, offset: 42 }
  const { loop, marks, push } = await openLoop(
    { prepare: async () => ({ journal }) },
    { prepare: () => ({ checkpoint: 'note' }), committed },
  )
  push()
  await loop.drain()
  expect(marks).toEqual([{ journal, checkpoint: 'note' }])
  expect(committed.mock.lastCall).toMatchObject([{ marks: { journal, checkpoint: 'note' } }])
})

it('lets those who wait go on when the listeners have the commit, also while repeated ids are compared', async () => {
  const order: string[] = []
  const { loop, queue, store } = await openLoop({ committed: ({ size }) => void order.push(`committed ${size}`) })
  const pending = (name: string) => ({ resolve: () => void order.push(name), reject: () => {} })
  const entry = sealedEntry({ id: 'mine' })
  queue.push(entry, false, undefined)
  await loop.drain()
  const { held, release } = hold()
  const { read } = store
  store.read = async (seqs) => {
    await held
    return await read.call(store, seqs)
  }
  queue.push(sealedEntry(), false, undefined, pending('new'))
  queue.push(entry, false, undefined, pending('repeated'))
  loop.commitSoon()
  await settle()
  const flushed = loop.flush().then(() => order.push('flushed'))
  await settle()
  expect(order).toEqual(['committed 1'])
  release()
  await flushed
  expect(order).toEqual(['committed 1', 'committed 2', 'new', 'repeated', 'flushed'])
})

it('commits what listeners add before a group is taken and when one is committed', async () => {
  let left = 3
  const { loop, store, push } = await openLoop({
    starting: () => left-- > 0 && push(),
    committed: ({ size }) => void (size === 4 && push()),
  })
  push()
  await loop.drain()
  expect(store.size).toBe(5)
})

it('commits what a listener adds when nothing is left', async () => {
  let isFirst = true
  const { loop, store, push } = await openLoop({
    idle: () => {
      if (!isFirst) return
      isFirst = false
      push()
      loop.commitSoon()
    },
  })
  push()
  await loop.drain()
  await settle()
  expect(store.size).toBe(2)
})

it('tries a group again that could not be prepared, and rejects those who wait until then', async () => {
  let problem: Error | undefined = new Error('the journal is gone')
  const failed = vi.fn()
  const { loop, store, push, timers } = await openLoop({
    prepare: () => {
      if (problem) throw problem
      return {}
    },
    failed,
  })
  push()
  loop.commitSoon()
  await expect(loop.flush()).rejects.toMatchObject({ message: 'not committed', cause: problem })
  await expect(loop.probe()).rejects.toMatchObject({ cause: problem })
  expect(failed.mock.calls).toEqual([
    [problem, 1],
    [problem, 2],
  ])
  expect(loop.isFailing).toBe(true)
  problem = undefined
  timers.at(-1)?.()
  await loop.flush()
  expect(store.size).toBe(1)
  expect(loop.isFailing).toBe(false)
})

it('does not call starting() while commits fail', async () => {
  const starting = vi.fn()
  const { loop, push } = await openLoop({ starting, prepare: () => Promise.reject(new Error('broken')) })
  push()
  for (let attempt = 0; attempt < 3; attempt++) await expect(loop.probe()).rejects.toThrow('not committed')
  expect(starting).toHaveBeenCalledOnce()
})

it('that is stopped tries nothing again by itself', async () => {
  const { loop, queue, push, timers } = await openLoop({ prepare: () => Promise.reject(new Error('broken')) })
  push()
  loop.stop()
  await loop.drain()
  expect(timers).toEqual([])
  expect(queue.events).toBe(1)
})

it('that is halted waits for the commit in flight, and begins no other', async () => {
  const { held, release } = hold()
  const { loop, queue, store, push } = await openLoop({ prepare: () => held.then(() => ({})) })
  push()
  loop.commitSoon()
  await settle()
  const halted = loop.halt()
  release()
  await halted
  expect(store.size).toBe(1)
  push()
  loop.commitSoon()
  await loop.halt()
  await settle()
  expect(queue.events).toBe(1)
})
