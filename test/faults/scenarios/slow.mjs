import { join } from 'node:path'
import { startChild } from '../support/child.mjs'
import { compare, contentsOf } from '../support/contents.mjs'
import { installStrace, strace } from '../support/strace.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

const WRITE_MILLIS = 30
const TURNS = 20
const EVENTS_OF_EACH = 5
const FILES = ['journal/000001.journal', 'journal/000002.journal', 'head']

/**
 * Every write to the journal and to `head` takes as long as on a slow volume. Tells how long a turn of the event loop takes that records
 * a few events.
 *
 * @param {'journal' | 'journal-behind' | 'flush-only'} durability
 */
function slowWrites(durability) {
  return async (/** @type {Setting} */ { directory }) => {
    installStrace()
    const quick = await turns(join(directory, 'quick'), durability, [])
    const log = join(directory, 'slow')
    const delay = `inject=pwrite64:delay_enter=${WRITE_MILLIS * 1000}`
    const slow = await turns(log, durability, strace(log, join(directory, 'trace'), ['trace=pwrite64', delay], FILES))
    const { waits = 0, maxUnwrittenBytes = 0 } = slow.window ?? {}
    /** @type {Findings} */
    return {
      rounds: 1,
      faults: durability === 'journal' ? TURNS * EVENTS_OF_EACH : 0,
      acknowledged: slow.names.length,
      lost: slow.lost,
      duplicated: slow.duplicated,
      problems: waits > 0 ? [`the caller waited ${waits} times, with ${maxUnwrittenBytes} bytes in its window`] : [],
      note:
        `a turn that records ${EVENTS_OF_EACH} events: p50 ${median(slow.millis)} ms, else ${median(quick.millis)} ms` +
        (slow.window ? `; not written at most ${maxUnwrittenBytes} B` : ''),
    }
  }
}

/** @param {string} directory @param {string} durability @param {readonly string[]} through */
async function turns(directory, durability, through) {
  const child = startChild('ticks.mjs', [directory, durability, TURNS, EVENTS_OF_EACH], { through })
  const { code } = await child.ended
  if (code !== 0) throw new Error(`ended with ${code}: ${child.errors()}`)
  const names = child.said().filter((line) => !line.startsWith('turns '))
  const { millis, window } = JSON.parse(child.said().at(-1)?.replace('turns ', '') ?? '{}')
  const { events } = await contentsOf(directory)
  return {
    names,
    millis,
    window,
    ...compare(
      names,
      events.map(({ name }) => name),
    ),
  }
}

/** @param {number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]?.toFixed(1)
}

export const scenarios = {
  [`writes that take ${WRITE_MILLIS} ms, journal`]: slowWrites('journal'),
  [`writes that take ${WRITE_MILLIS} ms, journal-behind`]: slowWrites('journal-behind'),
  [`writes that take ${WRITE_MILLIS} ms, flush-only`]: slowWrites('flush-only'),
}
