import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { AuditLogEvents } from './audit-log-events.js'
import { checkedListeners, LogEmitter } from './log-emitter.js'

const AT = '2026-11-21T22:35:06.001000000Z'
const dropped: AuditLogEvents['dropped'] = { location: 'memory', reason: 'queue_full', since: AT }
const gap: AuditLogEvents['gap'] = { location: 'memory', reason: 'queue_full', count: 1, from: AT, to: AT }
const settle = () => new Promise((resolve) => setImmediate(resolve))

/** Catches what Node.js would end the process for. */
function unhandledRejections() {
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  onTestFinished(() => void process.off('unhandledRejection', unhandled))
  return unhandled
}

describe('a listener', () => {
  it('gets each value of its event, and of no other', () => {
    const listener = vi.fn()
    const emitter = new LogEmitter()
    emitter.on('dropped', listener)
    emitter.emit('dropped', dropped)
    emitter.emit('gap', gap)
    expect(listener.mock.calls).toEqual([[dropped]])
  })

  it('listens from the beginning when it is given as an option', () => {
    const listeners = { dropped: vi.fn(), gap: vi.fn() }
    const emitter = new LogEmitter(listeners)
    emitter.emit('dropped', dropped)
    emitter.emit('gap', gap)
    expect(listeners.dropped).toHaveBeenCalledExactlyOnceWith(dropped)
    expect(listeners.gap).toHaveBeenCalledExactlyOnceWith(gap)
  })

  it('gets nothing any more once it is removed, and the others do', () => {
    const [removed, kept] = [vi.fn(), vi.fn()]
    const emitter = new LogEmitter()
    const remove = emitter.on('dropped', removed)
    emitter.on('dropped', kept)
    remove()
    remove()
    emitter.emit('dropped', dropped)
    expect(removed).not.toHaveBeenCalled()
    expect(kept).toHaveBeenCalledOnce()
  })

  it('is removed at the end of a block with using', () => {
    const listener = vi.fn()
    const emitter = new LogEmitter()
    {
      using _ = emitter.on('dropped', listener)
      emitter.emit('dropped', dropped)
      expect(emitter.has('dropped')).toBe(true)
    }
    emitter.emit('dropped', dropped)
    expect(listener).toHaveBeenCalledOnce()
    expect(emitter.has('dropped')).toBe(false)
  })

  it('may be registered twice: each registration is removed by itself', () => {
    const listener = vi.fn()
    const emitter = new LogEmitter()
    const remove = emitter.on('dropped', listener)
    emitter.on('dropped', listener)
    emitter.emit('dropped', dropped)
    expect(listener).toHaveBeenCalledTimes(2)
    remove()
    emitter.emit('dropped', dropped)
    expect(listener).toHaveBeenCalledTimes(3)
  })

  it('may remove itself while it is called', () => {
    const emitter = new LogEmitter()
    const [once, next] = [vi.fn(() => remove()), vi.fn()]
    const remove = emitter.on('dropped', once)
    emitter.on('dropped', next)
    emitter.emit('dropped', dropped)
    emitter.emit('dropped', dropped)
    expect(once).toHaveBeenCalledOnce()
    expect(next).toHaveBeenCalledTimes(2)
  })

  it('that is removed by another one while a value is delivered does not get it', () => {
    const emitter = new LogEmitter()
    const second = vi.fn()
    emitter.on('dropped', () => removeSecond())
    const removeSecond = emitter.on('dropped', second)
    emitter.emit('dropped', dropped)
    expect(second).not.toHaveBeenCalled()
  })

  it('that is added by another one gets the next value', () => {
    const emitter = new LogEmitter()
    const late = vi.fn()
    emitter.on('dropped', () => void emitter.on('dropped', late))
    emitter.emit('dropped', dropped)
    expect(late).not.toHaveBeenCalled()
    emitter.emit('dropped', dropped)
    expect(late).toHaveBeenCalledOnce()
  })

  it.each<[string, () => unknown]>([
    ['throws', () => raise(new Error('at once'))],
    ['rejects', () => Promise.reject(new Error('later'))],
    ['rejects later', () => settle().then(() => raise(new Error('much later')))],
    [
      'returns what throws when it is awaited',
      () => Object.defineProperty({}, 'then', { get: () => raise(new Error('then')) }),
    ],
  ])('that %s disturbs nobody', async (_, fail) => {
    const unhandled = unhandledRejections()
    const next = vi.fn()
    const emitter = new LogEmitter({ dropped: fail, problem: fail })
    emitter.on('dropped', next)
    emitter.on('problem', next)
    emitter.emit('dropped', dropped)
    emitter.report(new Error('disk'))
    for (let turn = 0; turn < 3; turn++) await settle()
    expect(next).toHaveBeenCalledTimes(2)
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('that causes the same event again is called when it has returned, one value after the other', () => {
    const emitter = new LogEmitter()
    const order: string[] = []
    let left = 10_000
    emitter.on('dropped', () => {
      order.push('begins')
      if (left-- > 0) emitter.emit('dropped', dropped)
      order.push('ends')
    })
    emitter.on('gap', () => order.push('gap'))
    emitter.on('dropped', () => left === 9_999 && emitter.emit('gap', gap))
    emitter.emit('dropped', dropped)
    expect(order.slice(0, 5)).toEqual(['begins', 'ends', 'begins', 'ends', 'gap'])
    expect(order).toHaveLength(2 * 10_001 + 1)
  })
})

it('calls ten thousand listeners in the order in which they were added', () => {
  const emitter = new LogEmitter()
  const called: number[] = []
  const removes = Array.from({ length: 10_000 }, (_, nth) => emitter.on('gap', () => called.push(nth)))
  emitter.emit('gap', gap)
  expect(called).toEqual(removes.map((_, nth) => nth))
  for (const remove of removes) remove()
  emitter.emit('gap', gap)
  expect(called).toHaveLength(10_000)
})

it('emits again after the stack was used up while it emitted', () => {
  const emitter = new LogEmitter()
  const overflow = (): void => {
    emitter.emit('dropped', dropped)
    overflow()
  }
  let calls = 0
  emitter.on('dropped', () => calls++)
  for (let attempt = 0; attempt < 10; attempt++) expect(overflow).toThrow(RangeError)
  calls = 0
  emitter.emit('dropped', dropped)
  expect(calls).toBeGreaterThan(0)
})

describe('a problem', () => {
  it('is a warning of the process while nobody listens', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => void warn.mockRestore())
    const problem = new Error('disk')
    const emitter = new LogEmitter({ dropped: () => {} })
    emitter.report(problem)
    expect(warn).toHaveBeenCalledExactlyOnceWith(problem)
    const remove = emitter.on('problem', () => {})
    emitter.report(problem)
    expect(warn).toHaveBeenCalledOnce()
    remove()
    emitter.report(problem)
    expect(warn).toHaveBeenCalledTimes(2)
  })
})

describe('on', () => {
  it('refuses an event that there is none of, with the nearest name', () => {
    const emitter = new LogEmitter()
    const on = (event: string, listener: unknown = () => {}) => emitter.on(event as 'gap', listener as () => void)
    expect(() => on('problems')).toThrow(
      new TypeError("AuditLog.on: unknown event 'problems'; did you mean 'problem'?"),
    )
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      expect(() => on(name)).toThrow(new TypeError(`AuditLog.on: unknown event '${name}'`))
    }
    expect(() => on('gap', 'x')).toThrow(new TypeError("AuditLog.on: the listener of 'gap' must be a function"))
  })
})

describe('listeners of an option', () => {
  it('are called as methods of the object that has them', () => {
    class Monitor {
      readonly #reasons: string[] = []
      get reasons() {
        return this.#reasons
      }
      dropped({ reason }: AuditLogEvents['dropped']) {
        this.#reasons.push(reason)
      }
    }
    const monitor = new Monitor()
    new LogEmitter(checkedListeners('x', monitor)).emit('dropped', dropped)
    expect(monitor.reasons).toEqual(['queue_full'])
  })

  it.each<[string, object, string]>([
    ['no function', { problem: 7 }, "x: on: the listener of 'problem' must be a function"],
    ['null', { problem: null }, "x: on: the listener of 'problem' must be a function"],
    ['of no event', { ['__proto__']: () => {} }, "x: on: unknown event '__proto__'"],
    ['in a list', [() => {}], "x: on: unknown event '0'"],
  ])('are refused that are %s', (_, listeners, message) => {
    expect(() => checkedListeners('x', listeners)).toThrow(new TypeError(message))
  })

  it('that cannot be read throw what reading them throws', () => {
    const listeners = {
      get gap(): never {
        return raise(new Error('no listener'))
      },
    }
    expect(() => checkedListeners('x', listeners)).toThrow('no listener')
  })

  it('are read once: what is called is what was checked', () => {
    const first = vi.fn()
    let reads = 0
    const emitter = new LogEmitter(
      checkedListeners('x', {
        get dropped() {
          return reads++ === 0 ? first : (7 as never)
        },
      }),
    )
    emitter.emit('dropped', dropped)
    expect([reads, first.mock.calls.length]).toEqual([1, 1])
  })

  it('may be left undefined', () => {
    const emitter = new LogEmitter(checkedListeners('x', { dropped: undefined }))
    expect(emitter.has('dropped')).toBe(false)
  })
})

function raise(problem: Error): never {
  throw problem
}
