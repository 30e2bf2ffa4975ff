import { readFileSync, truncateSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { copyLive } from '../../test/support/copy-live.js'
import { appendForged, newestSegment, plantSegment } from '../../test/support/forged-journal.js'
import type { AuditEventInput } from '../events/types.js'
import { resolveOptions } from '../log/options.js'
import { recover } from '../log/recovery/recovery.js'
import { levelStore } from '../store/leveldb/index.js'
import { type AuditLog, openAuditLog } from './index.js'

const note = (name: string): AuditEventInput<'custom'> => ({ type: 'custom', data: { name } })

/** The end of a process, and the changes to the journal before the next process begins. */
interface Ending {
  /** Events that are durable when it ends, and events that only the journal has. */
  readonly durable: number
  readonly journaled: number
  readonly isClosed: boolean
  readonly forged: 'nothing' | 'record' | 'segment'
  /** The last record was being written. */
  readonly isTorn: boolean
}

const ending: fc.Arbitrary<Ending> = fc.record({
  durable: fc.nat({ max: 3 }),
  journaled: fc.nat({ max: 4 }),
  isClosed: fc.boolean(),
  forged: fc.constantFrom('nothing', 'record', 'segment'),
  isTorn: fc.boolean(),
})

/** The statements that the log must make about itself. */
class Model {
  readonly names: string[] = []
  recovered = 0
  unattested = 0
  foreign = 0
  isRefused = false
  readonly #hasKey: boolean

  constructor(hasKey: boolean) {
    this.#hasKey = hasKey
  }

  end(names: readonly string[], { durable, isClosed, forged, isTorn }: Ending): void {
    this.isRefused = false
    if (isClosed) {
      this.names.push(...names)
      if (forged !== 'nothing') this.foreign++
      return
    }
    const taken = names.slice(durable, isTorn ? -1 : undefined)
    this.names.push(...names.slice(0, durable), ...taken)
    this.#take(taken.length)
    if (forged === 'nothing') return
    this.isRefused = this.#hasKey
    if (this.#hasKey) return
    this.names.push('forged')
    this.#take(1)
  }

  #take(events: number): void {
    this.recovered += events
    if (!this.#hasKey) this.unattested += events
  }
}

async function sums(log: AuditLog): Promise<{ recovered: number; unattested: number }> {
  const statements = await log.events({ type: 'events_recovered' }).toArray()
  const sum = (of: 'count' | 'unattested') => statements.reduce((total, { data }) => total + data[of], 0)
  return { recovered: sum('count'), unattested: sum('unattested') }
}

test('however processes end, and whatever is put into the journal: what was recorded is there, once, and the rest is told', async () => {
  const base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  let directories = 0
  try {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(ending, { minLength: 1, maxLength: 4 }), async (hasKey, endings) => {
        const options = { on: { problem: () => {} }, ...(hasKey && { journalKey: Buffer.alloc(32, 1) }) }
        const model = new Model(hasKey)
        let directory = join(base, `log-${directories++}`)
        let events = 0
        for (const how of endings) {
          const log = await openAuditLog(directory, { ...options, damagedJournal: 'discard' })
          const names = Array.from({ length: how.durable + how.journaled }, () => `${events++}`)
          for (const name of names.slice(0, how.durable)) await log.append(note(name))
          for (const name of names.slice(how.durable)) log.record(note(name))
          const image = join(base, `log-${directories++}`)
          if (how.isClosed) await log.close()
          copyLive(directory, image)
          await log.close()
          directory = image

          const segment = newestSegment(directory)
          const tears = how.isTorn && how.journaled > 0 && !how.isClosed && how.forged === 'nothing'
          if (tears) truncateSync(segment, readFileSync(segment).length - 5)
          if (how.forged === 'record') appendForged(segment, { data: { name: 'forged' } })
          if (how.forged === 'segment') plantSegment(directory)
          model.end(names, { ...how, isTorn: tears })

          if (model.isRefused) {
            await expect(openAuditLog(directory, options)).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
          }
          const again = await openAuditLog(directory, { ...options, damagedJournal: 'discard' })
          const found = (await again.events({ type: 'custom' }).toArray()).map(({ data }) => data.name)
          expect(found).toEqual(model.names)
          expect(await sums(again)).toEqual({ recovered: model.recovered, unattested: model.unattested })
          expect(await again.events({ type: 'journal_set_aside' }).count()).toBe(model.foreign)
          await again.close()
        }
      }),
      { numRuns: 12 },
    )
  } finally {
    await rm(base, { recursive: true, force: true })
  }
})

test('dying at any commit of the recovery counts nothing twice, and leaves nothing out', async () => {
  const base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  try {
    const log = await openAuditLog(join(base, 'audit'))
    for (let n = 0; n < 10_000; n++) log.record(note(`${n}`))
    copyLive(join(base, 'audit'), join(base, 'image'))
    await log.close()
    for (let commits = 0; commits <= 4; commits++) {
      const directory = join(base, `died-${commits}`)
      copyLive(join(base, 'image'), directory)
      const store = levelStore(directory)
      const { commit } = store
      let left = commits
      store.commit = async (group, marks) => {
        if (left-- === 0) throw new Error('died')
        return await commit.call(store, group, marks)
      }
      await store.open()
      const died = recover({ ...resolveOptions({}), report: () => {}, store, directory }).then(({ journal, head }) => {
        journal?.close()
        head?.close()
      })
      await (commits < 4 ? expect(died).rejects.toThrow('died') : died)
      await store.close()
      const again = await openAuditLog(directory)
      expect(await sums(again)).toEqual({ recovered: 10_000, unattested: 10_000 })
      expect(await again.events({ type: 'custom' }).count()).toBe(10_000)
      await again.close()
    }
  } finally {
    await rm(base, { recursive: true, force: true })
  }
})
