import { describe, expect, test } from 'vitest'
import type { ContentKeys } from '../content/contract.js'
import { memoryKeys } from '../content/keys/memory-keys.js'
import { subjectOf } from '../content/subject.js'
import { content } from '../events/content.js'
import type { RecordInput } from '../log/contract.js'
import { MAX_CONTENT_BYTES } from '../store/contract.js'
import type { GovernedEvent } from './contract.js'
import { Governor } from './governor.js'
import type { AuditPolicy } from './policy/policy.js'
import type { Redaction } from './redaction/contract.js'

const NO_REDACTION: Redaction = { redact: ({ value }) => ({ value, found: [] }), takeDisabled: () => [] }

interface Given {
  readonly policy?: Partial<AuditPolicy>
  readonly keys?: ContentKeys | undefined
  readonly redaction?: Redaction
}

function governed(input: RecordInput, given: Given = {}) {
  const { policy = {}, redaction = NO_REDACTION } = given
  const keys = 'keys' in given ? given.keys : memoryKeys()
  const problems: string[] = []
  const governor = new Governor({
    policy: { policy: { name: 'p', ...policy }, digest: 'sha256:0', redaction },
    keys,
    now: () => '2026-12-01T00:00:00.000000000Z',
    report: ({ message }) => problems.push(message),
  })
  const take = (event: RecordInput): GovernedEvent => {
    const verdict = governor.govern(event)
    if (verdict.kind !== 'record') throw new Error(verdict.kind)
    return verdict.events.at(-1) as GovernedEvent
  }
  return { ...take(input), problems, take, keys, governor }
}

const tool = { name: 'search', type: 'function' }
const call = (args: unknown): RecordInput =>
  ({ type: 'tool_call_started', data: { callId: 'c', tool, arguments: args } }) as RecordInput
const levels = (event: GovernedEvent) => event.content?.stated.items.map(({ field, level }) => [field, level])

describe('levels', () => {
  test('by default the arguments of a tool are a digest, and leave the event', () => {
    const event = governed(call({ q: 'x' }))
    expect(event.input.data).toEqual({ callId: 'c', tool })
    expect(levels(event)).toEqual([['data.arguments', 'digest']])
    expect(event.content?.seal(new Uint8Array(32), 'log')).toEqual([])
  })

  test('metadata leaves no trace, and asks for no key', () => {
    const keys = { ...memoryKeys(), keyFor: () => expect.unreachable() }
    const event = governed(call({ q: 'x' }), { keys, policy: { rules: [{ payload: 'metadata' }] } })
    expect(event.input.data).toEqual({ callId: 'c', tool })
    expect(event.input.altered).toBeUndefined()
    expect(event.content).toBeUndefined()
  })

  test('a rule says the level of what it is for, the built-in policy that of the rest', () => {
    const policy = { rules: [{ match: { tool: 'search' }, payload: 'content' }] } as const
    expect(levels(governed(call('x'), { policy }))).toEqual([['data.arguments', 'content']])
    const failed = {
      type: 'tool_call_failed',
      data: { callId: 'c', tool, durationMs: 1, error: { code: 'E', message: 'no' } },
    } as const
    expect(levels(governed(failed, { policy }))).toEqual([['data.error.message', 'content']])
  })

  test('equal values of a subject have equal digests, whatever the order of their members', () => {
    const { take, content: first } = governed(call({ a: 1, b: 2 }))
    const digest = first?.stated.items[0]?.digest
    expect(take(call('{"b":2,"a":1}')).content?.stated.items[0]?.digest).toBe(digest)
    expect(take({ ...call({ a: 1, b: 2 }), actor: { id: 'u' } }).content?.stated.items[0]?.digest).not.toBe(digest)
  })
})

describe('without keys', () => {
  test('content leaves no trace but that, which is reported once', () => {
    const event = governed(call('x'), { keys: undefined })
    event.take(call('y'))
    expect(event.content).toBeUndefined()
    expect(event.input.data).toEqual({ callId: 'c', tool })
    expect(event.input.altered).toEqual([{ field: 'data.arguments', reason: 'key_unavailable' }])
    expect(event.problems).toHaveLength(1)
  })
})

describe('redaction', () => {
  test('comes before the digest', () => {
    const redaction: Redaction = {
      ...NO_REDACTION,
      redact: () => ({ value: '***', found: [{ by: 'secret', count: 1 }] }),
    }
    const { input, content: taken, take } = governed(call('password a'), { redaction })
    expect(input.altered).toEqual([{ field: 'data.arguments', reason: 'redacted', by: 'secret' }])
    expect(take(call('password b')).content?.stated).toEqual(taken?.stated)
  })

  test('that fails leaves the item out, and says so', () => {
    const redaction: Redaction = { ...NO_REDACTION, redact: () => ({ value: undefined, found: [], failed: 'names' }) }
    const event = governed(call('x'), { redaction })
    expect(event.content).toBeUndefined()
    expect(event.input.altered).toEqual([{ field: 'data.arguments', reason: 'redaction_failed', by: 'names' }])
  })
})

describe('bounds', () => {
  test('a value beyond 256 KiB is cut, and that is said', () => {
    const event = governed(call('x'.repeat(10_000_000)))
    expect(event.content?.stated.items[0]?.bytes).toBe(256 * 1024)
    expect(event.input.altered).toEqual([{ field: 'data.arguments', reason: 'truncated', originalLength: 10_000_000 }])
  })

  test('paths that would fill the entry are left out, and that is said', () => {
    const data = Object.fromEntries(Array.from({ length: 64 }, (_, at) => [`${'\0'.repeat(400)}${at}`, content('x')]))
    const { content: taken, input } = governed({ type: 'custom', data: { name: 'x', ...data } } as RecordInput)
    const paths = taken?.stated.items.map(({ field }) => field).join('') ?? ''
    expect(paths.length).toBeLessThanOrEqual(4096)
    expect(taken?.stated.items.length).toBe(10)
    expect(input.altered).toHaveLength(54)
  })

  test('what goes beyond the content of one entry keeps its digest', () => {
    const texts = Array.from({ length: 5 }, (_, n) => content(String(n).repeat(250 * 1024)))
    const policy = { rules: [{ payload: 'content' }] } as const
    const event = governed({ type: 'custom', data: { name: 'x', texts } }, { policy })
    const items = event.content?.stated.items ?? []
    expect(items.map(({ level }) => level)).toEqual(['content', 'content', 'content', 'content', 'digest'])
    expect(event.input.altered).toEqual([{ field: 'data.texts.4', reason: 'removed' }])
    expect(items.slice(0, 4).reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(MAX_CONTENT_BYTES)
  })
})

describe('marked values', () => {
  test('leave the data of custom events, which is not changed itself', () => {
    const note = content('Ann called')
    const data = { name: 'x', ticket: 'T-1', inner: { note }, list: [1, note, 3] }
    const event = governed({ type: 'custom', data })
    expect(event.input.data).toEqual({ name: 'x', ticket: 'T-1', inner: {}, list: [1, null, 3] })
    expect(data.inner.note).toBe(note)
    expect(event.content?.stated.items.map(({ field }) => field)).toEqual(['data.inner.note', 'data.list.1'])
  })

  test('are unwrapped in fields of the catalogue', () => {
    const event = governed(call(content('secret', 'diagnostic')))
    expect(event.content?.stated.items).toMatchObject([{ field: 'data.arguments', class: 'payload', bytes: 6 }])
  })
})

describe('hostile data', () => {
  test('each getter of content is read once', () => {
    let reads = 0
    const data = {
      callId: 'c',
      tool,
      get arguments() {
        return `${reads++}`
      },
    }
    governed({ type: 'tool_call_started', data } as RecordInput)
    expect(reads).toBe(1)
  })

  test('a getter that throws loses its own field alone', () => {
    const error = Object.defineProperty({ code: 'E' }, 'message', {
      enumerable: true,
      get: () => {
        throw new Error('no')
      },
    })
    const event = governed({ type: 'run_failed', data: { error } } as RecordInput)
    expect(event.input.data).toEqual({ error: { code: 'E' } })
    expect(event.input.altered).toEqual([{ field: 'data.error.message', reason: 'unreadable' }])
  })

  test.each([
    ['an own toJSON of the error', { error: { code: 'E', toJSON: () => ({ code: 'E', message: 'secret' }) } }],
    ['an own toJSON of the data', { toJSON: () => ({ error: { code: 'E', message: 'secret' } }) }],
    ['an error of JavaScript', { error: Object.assign(new Error('secret'), { code: 'E' }) }],
  ])('a message that %s brings leaves the event', (_, data) => {
    const event = governed({ type: 'run_failed', data } as unknown as RecordInput)
    expect(JSON.stringify(event.input.data)).not.toContain('secret')
    expect(levels(event)).toEqual([['data.error.message', 'content']])
  })

  test('a cyclic value, a lone surrogate and NUL are content like any other', () => {
    const cyclic: Record<string, unknown> = { a: 1 }
    cyclic.self = cyclic
    for (const value of [cyclic, '\ud800', 'a\0b', 10n, () => {}, Symbol('x')]) {
      expect(governed(call(value)).content?.stated.items).toHaveLength(1)
    }
  })
})

describe('pseudonyms', () => {
  const policy = { pseudonyms: { actor: true } }
  const input = {
    type: 'custom',
    tenantId: 't',
    actor: { id: 'ann@example.com' },
    claimed: { userId: 'ann@example.com', tenantId: 't2' },
    data: { name: 'x' },
  } as const

  test('stand in place of the actor, also where callers claim it; the id itself is content', () => {
    const { input: event, content: taken, take, keys } = governed(input, { policy })
    expect(event.actor?.id).not.toContain('ann')
    expect(event.claimed).toEqual({ userId: event.actor?.id, tenantId: 't2' })
    expect(taken?.stated.items).toMatchObject([{ field: 'actor.id', class: 'diagnostic', level: 'content' }])
    const leafHash = new Uint8Array(32)
    const [sealed] = taken?.seal(leafHash, 'log') ?? []
    const key = keys?.keyFor(subjectOf(input))
    const opened = key?.open(sealed?.bytes as Uint8Array, { leafHash, field: 'actor.id' })
    expect(Buffer.from(opened?.bytes ?? []).toString()).toBe('ann@example.com')
    expect(key?.pseudonymOf('ann@example.com')).toBe(event.actor?.id)
    expect(input.actor.id).toBe('ann@example.com')
    const other = take({ ...input, claimed: { userId: 'bob' } })
    expect(other.input).toMatchObject({ actor: event.actor, claimed: { userId: key?.pseudonymOf('bob') } })
    expect(levels(other)).toEqual([
      ['actor.id', 'content'],
      ['claimed.userId', 'content'],
    ])
  })

  test('an id without a key is left out', () => {
    const { input: event } = governed(input, { policy, keys: undefined })
    expect(event.actor).toBeUndefined()
    expect(event.claimed?.userId).toBeUndefined()
    expect(event.altered).toEqual([{ field: 'actor.id', reason: 'key_unavailable' }])
  })

  test.each([5, {}, { id: 5 }, { id: '' }, { id: { toJSON: () => 'ann' } }, null])(
    'an actor that is %j is left out, and that is said',
    (actor) => {
      const { input: event } = governed({ ...input, actor, claimed: undefined } as unknown as RecordInput, { policy })
      expect(event.actor).toBeUndefined()
      expect(event.altered).toEqual([{ field: 'actor', reason: 'invalid' }])
    },
  )

  test('a user who is claimed alone has a pseudonym as well', () => {
    const { input: event } = governed({ type: 'custom', claimed: { userId: 'bob' }, data: { name: 'x' } }, { policy })
    expect(event.claimed?.userId).toMatch(/^pseudonym-/)
    expect(event.actor).toBeUndefined()
  })

  test('a statement of the log has the same, and no content', () => {
    const { take, governor } = governed(input, { policy })
    const [statement] = governor.governStatement({ ...input, type: 'run_identified', data: { previous: {} } })
    expect(statement?.input.actor).toEqual(take(input).input.actor)
    expect(statement).toMatchObject({ content: undefined, isStatement: true })
  })

  test('an event that cannot be read names no actor', () => {
    const data = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no')
        },
        has: () => {
          throw new Error('no')
        },
        get: () => {
          throw new Error('no')
        },
      },
    )
    const event = governed({ type: 'run_failed', actor: { id: 'ann' }, data } as RecordInput, { policy })
    expect(event.input.data).toEqual({})
    expect(event.input.actor?.id).not.toBe('ann')
  })
})
