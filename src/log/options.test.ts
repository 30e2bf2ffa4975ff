import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../store/memory/index.js'
import { type AuditLogOptions, DEFAULT_MAX_QUEUE_BYTES, resolveOptions } from './options.js'

describe('resolveOptions', () => {
  it('fills in the defaults, and freezes', () => {
    const resolved = resolveOptions({})
    expect(resolved).toMatchObject({
      maxQueueBytes: DEFAULT_MAX_QUEUE_BYTES.journal,
      ownTypes: [],
      durability: 'journal',
      damagedJournal: 'refuse',
    })
    expect(resolved.clock()).toEqual([expect.any(Number), expect.any(Number)])
    expect(Object.isFrozen(resolved)).toBe(true)
  })

  it('keeps more in memory where there is no journal behind it', () => {
    expect(resolveOptions({ store: memoryStore() })).toMatchObject({
      durability: 'flush-only',
      maxQueueBytes: DEFAULT_MAX_QUEUE_BYTES['flush-only'],
    })
  })

  it('has a window of 1 MiB where a thread writes the journal', () => {
    expect(resolveOptions({ durability: 'journal-behind' })).toMatchObject({
      durability: 'journal-behind',
      journalWindowBytes: 1_048_576,
      maxQueueBytes: DEFAULT_MAX_QUEUE_BYTES['journal-behind'],
    })
  })

  it('takes what is given', () => {
    const clock = () => [1, 2] as const
    const options = { store: memoryStore(), eventTypes: { own: v.object({}) }, maxQueueBytes: 65_535, clock }
    expect(resolveOptions(options)).toMatchObject({ maxQueueBytes: 65_535, clock, ownTypes: ['own'] })
  })

  it.each<[unknown, RegExp]>([
    [null, /options must be an object/],
    [{ maxQueBytes: 1 }, /unknown option 'maxQueBytes'; did you mean 'maxQueueBytes'\?/],
    [{ colour: 'red' }, /unknown option 'colour'$/],
    [{ maxQueueBytes: 0 }, /maxQueueBytes must be a whole number from 65535 to/],
    [{ maxQueueBytes: 65_534 }, /maxQueueBytes/],
    [{ maxQueueBytes: 1e5 + 0.5 }, /maxQueueBytes/],
    [{ maxQueueBytes: Number.POSITIVE_INFINITY }, /maxQueueBytes/],
    [{ maxQueueBytes: '100000' }, /maxQueueBytes/],
    [{ store: {} }, /store/],
    [{ durability: 'flush_only' }, /durability must be one of 'journal', 'journal-behind', 'flush-only'/],
    [{ damagedJournal: 'repair' }, /damagedJournal must be one of 'refuse', 'discard'/],
    [{ store: memoryStore(), durability: 'journal' }, /a log in a store has no journal/],
    [{ store: memoryStore(), durability: 'journal-behind' }, /a log in a store has no journal/],
    [{ journalWindowBytes: 200_000 }, /journalWindowBytes goes with durability 'journal-behind'/],
    [{ durability: 'flush-only', journalWindowBytes: 200_000 }, /journalWindowBytes goes with/],
    [
      { durability: 'journal-behind', journalWindowBytes: 131_071 },
      /journalWindowBytes must be a whole number from 131072/,
    ],
    [{ durability: 'journal-behind', journalWindowBytes: 2 ** 24 + 1 }, /to 16777216/],
    [{ store: memoryStore(), damagedJournal: 'discard' }, /a log in a store has no journal/],
    [{ meter: {} }, /meter/],
    [{ clock: 5 }, /clock/],
    [{ on: null }, /on must be an object with a listener for each event/],
    [{ on: { problem: 'log' } }, /on: the listener of 'problem' must be a function/],
    [{ on: { problems: () => {} } }, /on: unknown event 'problems'; did you mean 'problem'\?/],
    [{ onProblem: () => {} }, /the option 'onProblem' is called 'on\.problem' now/],
    [{ onCheckpoint: () => {} }, /the option 'onCheckpoint' is called 'publishCheckpoint' now/],
    [{ onDivergence: 'record' }, /the option 'onDivergence' is called 'divergence' now/],
    [{ onDamagedJournal: 'discard' }, /the option 'onDamagedJournal' is called 'damagedJournal' now/],
    [{ eventTypes: 5 }, /eventTypes/],
    [{ eventTypes: { run_started: v.object({}) } }, /eventTypes: 'run_started'/],
    [{ eventTypes: { own: {} } }, /eventTypes: the schema of 'own'/],
  ])('refuses %o', (options, message) => {
    expect(() => resolveOptions(options as AuditLogOptions)).toThrow(TypeError)
    expect(() => resolveOptions(options as AuditLogOptions)).toThrow(message)
  })
})
