import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type AuditLog, AuditSpanProcessor, openAuditLog } from '../../src/index.js'
import { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import { memoryStore } from '../../src/store/memory/index.js'
import { directory, useTestDirectory } from '../support/test-directory.js'
import { placesOf, planted } from './planting.js'
import { deliver, play } from './play.js'
import { frameworks, labelsOf, type Recording, readRecording } from './recording.js'

/*
 * No free text from outside is in an entry, whatever attribute it comes in: each recording is played again with a text in the place of
 * what the instrumentation told, and nothing of that text may be found.
 */

useTestDirectory()

const CARD = ['4111', '1111', '1111', '1111'].join('')
const KEY = ['sk', 'proj', 'Zq8fJ2kLm9Xv4TnB7wRc3YhD6pGs1AaE'].join('-')
const SENTENCE = `Wolpertinger asked on Monday whether the card ${CARD.replace(/(\d{4})(?=\d)/g, '$1 ')} of Ann was charged.`
/** Each is looked for as a whole: a mask leaves the last digits of a card. */
const TRACES = ['Wolpertinger', '4111 1111', '41111111', KEY.slice(8)]

const everything = { name: 'everything', rules: [{ payload: 'content', diagnostics: 'content' }] } as const
const recorded = frameworks().filter((framework) => framework !== 'openai-agents-native')

type Bring = (recording: Recording, audit: AuditSpanProcessor, logRecords: AuditLogRecordProcessor) => Promise<void>

/** The places of all recordings, each in the smallest that has it: framework, scenario, the text to put there. */
const places = new Map<string, { readonly recording: Recording; readonly text: string }>()
for (const framework of recorded) {
  for (const scenario of Object.keys(labelsOf(framework))) {
    const recording = readRecording(framework, scenario)
    for (const [place, { holdsNumber }] of placesOf(recording)) {
      const known = places.get(place)
      if (known && sizeOf(known.recording) <= sizeOf(recording)) continue
      places.set(place, { recording, text: holdsNumber ? CARD : SENTENCE })
    }
  }
}

function sizeOf({ spans, logs }: Recording): number {
  return spans.length + logs.length
}

async function replay(recording: Recording, log: AuditLog, bring: Bring): Promise<void> {
  const audit = new AuditSpanProcessor({ log })
  await bring(recording, audit, new AuditLogRecordProcessor(audit))
  await audit.shutdown()
}

function tracesIn(text: string): readonly string[] {
  return TRACES.filter((trace) => text.includes(trace))
}

describe('a text in one place at a time leaves nothing in an entry', () => {
  test.each(recorded)('%s', async (framework) => {
    const log = await openAuditLog({ store: memoryStore(), policy: everything })
    const found: string[] = []
    let seen: number | undefined
    for (const [place, { recording, text }] of places) {
      if (recording.framework !== framework) continue
      await replay(planted(recording, text, { place, within: 'json' }), log, deliver)
      await log.flush()
      for await (const event of log.events(seen === undefined ? {} : { afterSeq: seen })) {
        seen = event.seq
        const entry = JSON.stringify(event)
        if (tracesIn(entry).length > 0) found.push(`${recording.scenario} ${place}: ${entry}`)
      }
    }
    await log.close()
    expect(found).toEqual([])
  })
})

describe('a text in every place leaves nothing in any file', () => {
  test.each(recorded)('%s', async (framework) => {
    const log = await openAuditLog(directory, { policy: everything })
    for (const scenario of Object.keys(labelsOf(framework))) {
      for (const text of [SENTENCE, CARD, KEY]) {
        for (const within of ['value', 'json'] as const) {
          await replay(planted(readRecording(framework, scenario), text, { within }), log, play)
        }
      }
    }
    await log.flush()
    const whileOpen = filesWithTraces()
    await log.close()
    expect([...whileOpen, ...filesWithTraces()]).toEqual([])
  })
})

function filesWithTraces(): readonly string[] {
  const found: string[] = []
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, name)
    if (!statSync(path).isFile()) continue
    const traces = tracesIn(readFileSync(path).toString('latin1'))
    if (traces.length > 0) found.push(`${name}: ${traces.join(', ')}`)
  }
  return found
}
