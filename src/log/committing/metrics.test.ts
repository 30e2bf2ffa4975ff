import { describe, expect, it, vi } from 'vitest'
import { stored } from '../../../test/support/held-log.js'
import { note, useJournaledLogs } from '../../../test/support/journaled-log.js'
import { Sealer } from '../sealing/seal.js'

const { openLog } = useJournaledLogs()

describe('metrics', () => {
  it('tell what the log counts, until it is closed', async () => {
    const callbacks = new Map<string, Set<(result: { observe: (...args: unknown[]) => void }) => void>>()
    const durations: unknown[][] = []
    const observable = (name: string) => {
      const of = new Set<(result: { observe: (...args: unknown[]) => void }) => void>()
      callbacks.set(name, of)
      return { addCallback: of.add.bind(of), removeCallback: of.delete.bind(of) } as never
    }
    const { log } = await openLog({
      meter: {
        createHistogram: () => ({ record: (...args: unknown[]) => durations.push(args) }),
        createObservableCounter: observable,
        createObservableGauge: observable,
      },
    })
    const observed = () =>
      [...callbacks].flatMap(([name, of]) =>
        [...of].flatMap((callback) => {
          const values: unknown[][] = []
          callback({ observe: (...args) => values.push(args) })
          return values.map((value) => [name, ...value])
        }),
      )
    log.record(note('a'))
    vi.spyOn(Sealer.prototype, 'seal').mockImplementationOnce(() => {
      throw new RangeError('Maximum call stack size exceeded')
    })
    log.record(note('b'))
    const attributes = { 'spanledger.log': 'memory' }
    expect(observed()).toEqual([
      ['spanledger.events.recorded', 1, attributes],
      ['spanledger.events.dropped', 1, { ...attributes, reason: 'not_sealed' }],
      ['spanledger.queue.bytes', log.counters().queuedBytes, attributes],
      ['spanledger.journal.bytes', log.counters().journalBytes, attributes],
    ])
    await log.flush()
    expect(durations).toEqual([[expect.any(Number), attributes]])
    await log.close()
    expect(observed()).toEqual([])
  })

  it.each(['createHistogram', 'createObservableGauge', 'record', 'addCallback', 'removeCallback'])(
    'are lost to a meter whose %s throws, and nothing else is',
    async (throwing) => {
      const call = (name: string) => () => {
        if (name === throwing) throw new Error('no such luck')
      }
      const instrument = {
        record: call('record'),
        addCallback: call('addCallback'),
        removeCallback: call('removeCallback'),
      }
      const create = (name: string) => () => {
        call(name)()
        return instrument as never
      }
      const { log, store, journal, problems } = await openLog({
        meter: {
          createHistogram: create('createHistogram'),
          createObservableCounter: create('createObservableCounter'),
          createObservableGauge: create('createObservableGauge'),
        },
      })
      const closed = vi.spyOn(journal, 'close')
      const event = log.record(note('a'))
      expect(event).toBeDefined()
      await log.flush()
      expect(await stored(store)).toEqual([event])
      await log.append(note('b'))
      await log.close()
      expect(closed).toHaveBeenCalledOnce()
      expect(problems).toMatchObject([{ message: expect.stringMatching(/meter throws/), cause: expect.any(Error) }])
    },
  )
})
