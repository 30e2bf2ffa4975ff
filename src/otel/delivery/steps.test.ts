import type { HrTime } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { takenSpan } from '../../../test/support/taken-span.js'
import { stepsInOrder } from './steps.js'
import type { TakenSpan } from './taken.js'

interface Plan {
  readonly id: string
  readonly from: number
  readonly to: number
  readonly below?: string
  readonly trace?: string
  readonly events?: readonly number[]
}

/** A moment, in milliseconds of one second. */
function at(millis: number): HrTime {
  return [100, Math.round(millis * 1e6)]
}

function span({ id, from, to, below, trace = 't', events = [] }: Plan): TakenSpan {
  return takenSpan({
    name: id,
    ids: { traceId: trace, spanId: id, traceFlags: 1 },
    parent: below === undefined ? undefined : { traceId: trace, spanId: below, traceFlags: 1 },
    startTime: at(from),
    endTime: at(to),
    events: events.map((time) => ({ name: 'event', time: at(time) })),
  })
}

/** The steps in short: `+` for a start, `-` for an end, `*` for an event. */
function inShort(...plans: readonly Plan[]): string {
  const signs = { start: '+', end: '-', event: '*', log: '!' }
  return stepsInOrder(plans.map(span), [])
    .map((step) => `${signs[step.kind]}${step.kind === 'log' ? '' : step.span.name}`)
    .join(' ')
}

describe('the order of the steps of delivered spans', () => {
  const root = { id: 'root', from: 10, to: 50 }
  const first = { id: 'first', from: 10, to: 20, below: 'root' }
  const second = { id: 'second', from: 20, to: 50, below: 'root', events: [30] }

  test('is that of their times, whatever the order in which they came', () => {
    const expected = '+root +first -first +second *second -second -root'
    expect(inShort(root, first, second)).toBe(expected)
    expect(inShort(second, first, root)).toBe(expected)
    expect(inShort(first, root, second)).toBe(expected)
  })

  test('has parents start before their children, although their clock says otherwise', () => {
    expect(inShort({ ...first, from: 5, to: 7 }, root)).toBe('+root +first -first -root')
  })

  test('lets what is inside end first at the same moment, and what is unrelated follow', () => {
    const instant = (id: string, below?: string) => ({ id, from: 10, to: 10, ...(below && { below }) })
    expect(inShort(instant('a1', 'a'), instant('a', 'r'), instant('b1', 'b'), instant('b', 'r'), instant('r'))).toBe(
      '+r +a +a1 -a1 -a +b +b1 -b1 -b -r',
    )
  })

  test('lets a child that ends well after its parent do so', () => {
    expect(inShort(root, { ...first, to: 80 })).toBe('+root +first -root -first')
  })

  test('takes a hair between a parent and what is inside for the clock of the SDK', () => {
    expect(inShort(root, { ...first, to: 50.4 })).toBe('+root +first -first -root')
    expect(inShort({ ...root, to: 49.6 }, { ...first, from: 50, to: 50.2 })).toBe('+root +first -first -root')
  })

  test('takes spans that overlap by a hair for one after the other', () => {
    expect(inShort(root, { ...first, to: 20.4 }, second)).toBe('+root +first -first +second *second -second -root')
  })

  test('at one moment has what is inside come before what follows, whatever the order in which they came', () => {
    const inside = { id: 'inside', from: 20, to: 20.1, below: 'first' }
    const expected = '+root +first +inside -inside -first +second *second -second -root'
    expect(inShort(root, second, inside, { ...first, to: 19.6 })).toBe(expected)
    expect(inShort(inside, { ...first, to: 19.6 }, second, root)).toBe(expected)
  })

  test('starts what lasts longer first, of spans that are traces of their own', () => {
    const lone = (id: string, to: number) => ({ id, from: 10, to, trace: id })
    expect(inShort(lone('inner', 20), lone('outer', 30))).toBe('+outer +inner -inner -outer')
  })

  test('keeps spans of other traces with the same ids apart', () => {
    expect(inShort({ ...root, trace: 'u' }, { ...first, trace: 'v' })).toBe('+root +first -first -root')
    expect(inShort({ ...first, trace: 'v', from: 5, to: 6 }, { ...root, trace: 'u' })).toBe('+first -first +root -root')
  })

  test('has an event no earlier than the one before, and within the span', () => {
    expect(inShort({ ...root, events: [40, 30, 99] }, { ...first, from: 35, to: 45 })).toBe(
      '+root +first *root *root -first *root -root',
    )
  })

  test('cuts circles of parents', () => {
    expect(inShort({ ...root, below: 'first' }, first).split(' ')).toHaveLength(4)
    expect(inShort({ ...root, below: 'root' })).toBe('+root -root')
  })

  test('is found for times that are none', () => {
    expect(inShort({ ...root, from: Number.NaN }, first)).toBe('+root +first -first -root')
    expect(inShort({ ...root, from: Number.NaN, to: Number.NaN })).toBe('+root -root')
  })

  test('of many spans at one moment is found soon', () => {
    const many = Array.from({ length: 3000 }, (_, n) => ({ id: `s${n}`, from: 10, to: 10, below: `s${n - 1}` }))
    expect(inShort(...many).split(' ')).toHaveLength(6000)
  })
})
