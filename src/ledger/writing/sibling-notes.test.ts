import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SiblingHead } from './sibling-heads.js'
import { SiblingNotes } from './sibling-notes.js'

const head = (log: number, size: number, origin = `log.example/${log}`): SiblingHead => ({
  log,
  origin,
  size,
  root: 'AA==',
})
const sizes = (note: ReturnType<SiblingNotes['next']>) => note?.data.logs.map(({ log, size }) => [log, size])

test('notes a log that it has not noted, and each that has grown by more than a note', () => {
  const notes = new SiblingNotes('audit', () => {})
  expect(sizes(notes.next([head(0, 1)], false))).toEqual([[0, 1]])
  expect(notes.next([head(0, 1)], false)).toBeUndefined()
  expect(notes.next([head(0, 2)], false)).toBeUndefined()
  expect(sizes(notes.next([head(0, 3), head(2, 1)], false))).toEqual([
    [2, 1],
    [0, 3],
  ])
})

test('notes a single entry as well when the log is opened or closed', () => {
  const notes = new SiblingNotes('audit', () => {})
  notes.remember({ logs: [head(0, 5)] })
  notes.remember({ logs: [head(0, 2)] })
  expect(sizes(notes.next([head(0, 6)], true))).toEqual([[0, 6]])
  expect(notes.next([head(0, 6)], true)).toBeUndefined()
})

test('notes no more logs than fit an entry, and the others next', () => {
  const notes = new SiblingNotes('audit', () => {})
  const heads = Array.from({ length: 100 }, (_, log) => head(log, 3))
  expect(notes.next(heads, false)?.data.logs).toHaveLength(64)
  expect(notes.next(heads, false)?.data.logs.map(({ log }) => log)).toEqual(heads.slice(64).map(({ log }) => log))
  expect(notes.next(heads, false)).toBeUndefined()
})

test('reports once a log that was set back, replaced or is gone', () => {
  const reported: string[] = []
  const notes = new SiblingNotes('audit', ({ message }) => reported.push(message))
  notes.next([head(0, 9), head(2, 9), head(3, 9)], true)
  for (let again = 0; again < 2; again++) {
    expect(sizes(notes.next([head(0, 8), head(2, 9, 'other.example')], true))).toEqual(
      again === 0 ? [[2, 9]] : undefined,
    )
    notes.reportMissing([head(0, 8), head(2, 9)])
  }
  expect(reported).toEqual([
    expect.stringContaining('Log 0 of the ledger audit has 8 entries by its checkpoint, and had 9'),
    expect.stringContaining("Log 2 of the ledger audit is 'other.example', and was 'log.example/2'"),
    expect.stringContaining('Log 3 of the ledger audit had 9 entries, and is gone'),
  ])
})

test('comes to rest, in whatever order the logs look at each other', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 200 }),
      (start, order) => {
        const ledger = [...start]
        const logs = ledger.map(() => new SiblingNotes('audit', () => {}))
        const look = (own: number) => {
          const others = ledger.map((size, log) => head(log, size)).filter(({ log }) => log !== own)
          if (!logs[own]?.next(others, false)) return false
          ledger[own] = (ledger[own] as number) + 1
          return true
        }
        for (const at of order) look(at % logs.length)
        // Without a new event, a few rounds are enough.
        let rounds = 0
        while (ledger.map((_, own) => look(own)).some(Boolean)) expect(rounds++).toBeLessThan(20)
      },
    ),
  )
})
