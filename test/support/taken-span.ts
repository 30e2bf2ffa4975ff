import type { TakenSpan } from '../../src/otel/delivery/taken.js'

/** A delivered span with nothing in it but what is given. */
export function takenSpan(
  given: Pick<TakenSpan, 'name' | 'ids' | 'startTime' | 'endTime'> & Partial<TakenSpan>,
): TakenSpan {
  return {
    kind: 0,
    parent: undefined,
    status: { code: 0 },
    attributes: {},
    events: [],
    links: [],
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    resource: undefined,
    scope: { name: 'test' },
    source: '',
    origin: '',
    ...given,
  }
}
