import type { Attributes, Span } from '@opentelemetry/api'
import type { SpanLimits } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import type { Dialect, Spoken, Words } from '../dialect.js'
import type { Speaker } from '../speaker.js'
import { begin, typesOf } from './story.js'

/** Spans that are cut or broken: no application is disturbed, no failure is made up, and the next run is told as ever. */
export function damageCases(dialect: Dialect): void {
  /** Writes an agent, and inside of it a tool and a model, with attributes that have been through something. */
  async function speak(speaker: Speaker, damaged: (attributes: Attributes) => Attributes, spoil = (_: Span) => {}) {
    const { around, model } = dialect
    const words: readonly Words[] = [
      dialect.agent('planner'),
      dialect.tool('search', 'c-1'),
      ...(model ? [model(20, 7)] : []),
    ]
    const opened: Spoken[] = around ? [await speaker.start(around)] : []
    for (const said of words) {
      const soon = damaged({ ...said.start, ...said.soon })
      opened.push(await speaker.start({ ...said, start: {}, soon, end: damaged(said.end ?? {}) }, opened.at(-1)))
    }
    for (const spoken of opened.reverse()) {
      spoil(spoken.span)
      speaker.end(spoken)
    }
  }

  async function storyAfter(limits: SpanLimits, damage: (speaker: Speaker) => Promise<void>) {
    const { log, speaker, callTool, finish, close } = await begin(dialect, { spanLimits: limits })
    await damage(speaker)
    const made = log.types.filter((type) => type.endsWith('_failed'))
    await callTool()
    finish()
    await close()
    return { log, made }
  }

  describe('damage', () => {
    test.each(DAMAGES)('of another kind or cut (%j) makes up no failure', async (damage) => {
      const broken = (attributes: Attributes) =>
        mapped(attributes, (key, value) => (TELLING.test(key) ? value : damage))
      const { log, made } = await storyAfter({ attributeValueLengthLimit: 32 }, (speaker) => speak(speaker, broken))
      expect(made).toEqual([])
      expect(log.of('run_completed').length).toBeGreaterThan(0)
    })

    test('to all but the first eight attributes makes up no failure', async () => {
      const filler = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`app.filler.${n}`, n]))
      const crowded = (attributes: Attributes) => ({ ...attributes, ...filler })
      const { made } = await storyAfter({ attributeCountLimit: 8 }, (speaker) => speak(speaker, crowded))
      expect(made).toEqual([])
    })

    test.each(Object.entries(HOSTILE))('by values that are hostile (%s) throws nothing', async (_, hostile) => {
      const bad = (attributes: Attributes) => hostile(attributes)
      const { log } = await storyAfter({}, (speaker) => speak(speaker, bad))
      expect(typesOf(log, 'run_').at(-1)).toBe('run_completed')
    })

    test('by attributes that throw when they are read throws nothing', async () => {
      const { log } = await storyAfter({}, (speaker) => speak(speaker, (attributes) => attributes, makeUnreadable))
      expect(typesOf(log, 'run_')).toContain('run_completed')
      expect(log.of('tool_call_completed').length).toBeGreaterThan(0)
    })
  })
}

const DAMAGES: readonly unknown[] = [null, true, -1, Number.NaN, '', '{', '[]', '"', ['a', null], { a: 1 }, '\0']

/** Attributes that say what a span is stay; the others become what nobody expects. */
const TELLING = /operation|kind|type$|operationId|phase|path$|^target$|iteration|system$|turn\.id/i

const DEEP = `${'{"a":['.repeat(20_000)}${']}'.repeat(20_000)}`

const HOSTILE: Readonly<Record<string, (attributes: Attributes) => Attributes>> = {
  'lone surrogates': (attributes) => ({ ...mapped(attributes, (_, value) => `${value}\ud800`), '\udfff': '\udfff' }),
  'huge texts': (attributes) => mapped(attributes, () => 'x'.repeat(1_000_000)),
  'text that is nested without end': (attributes) => mapped(attributes, () => DEEP),
  'names of prototypes': (attributes) =>
    Object.assign(JSON.parse('{"__proto__":{"toString":1},"constructor":"x","hasOwnProperty":"x"}'), attributes),
  'names of prototypes as values': (attributes) =>
    mapped(attributes, () => '{"__proto__":{"then":1},"constructor":[]}'),
}

function mapped(attributes: Attributes, change: (key: string, value: unknown) => unknown): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, change(key, value)])) as Attributes
}

function makeUnreadable(span: Span): void {
  const { attributes } = span as unknown as { readonly attributes: Attributes }
  for (const key of Object.keys(attributes)) {
    Object.defineProperty(attributes, key, {
      configurable: true,
      enumerable: true,
      get: () => {
        throw new Error('unreadable')
      },
      set: () => {},
    })
  }
}
