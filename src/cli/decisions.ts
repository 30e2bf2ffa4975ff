import { confidenceOf, isClaim } from '../events/confidence.js'
import { type Fields, fieldsOf, textIn } from '../events/recorded-fields.js'
import type { StoredEvent } from '../events/types.js'
import { printable, shortened } from './text.js'

/** An event that tells of a decision, in words, and the fields of its data that the words leave out. */
export interface DecisionText {
  /** Such as `approved by ada (person): within the limit`. */
  readonly words: string
  readonly rest: Fields
}

/** Returns the verb of a decision, by the fields of its data. */
type Verb = (data: Fields) => { readonly done: string; readonly of?: string } | undefined

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  // A request is worth words only where it has more than its type.
  ['tool_approval_requested', (data) => (isAttributed(data) ? { done: 'requested' } : undefined)],
  ['tool_approval_granted', () => ({ done: 'approved' })],
  ['tool_approval_denied', () => ({ done: 'denied' })],
  ['policy_decision', (data) => verbIn(data, 'verdict', (verdict) => `decided ${verdict}`)],
  ['intervention', (data) => verbIn(data, 'kind', (kind) => kind)],
])

const DECIDED_BY: ReadonlyMap<string | undefined, string> = new Map([
  ['person', ' by a person'],
  ['rule', ' by a rule'],
  ['automatic', ' automatically'],
])

/**
 * Returns a decision in words; `undefined` for an event that tells of none. What a client claims is said to be claimed. All
 * of it is printable, and a name cannot pass for another part of the sentence.
 *
 * @param maxReason - UTF-16 code units of the reason that are shown
 */
export function decisionText(
  event: Pick<StoredEvent, 'type' | 'data' | 'source'>,
  maxReason = Infinity,
): DecisionText | undefined {
  const data = fieldsOf(event.data)
  const verb = VERBS.get(event.type)?.(data)
  if (!verb) return undefined
  const inWords = ['by', 'decider', 'reason', verb.of].filter((field) => field && textIn(data, field) !== undefined)
  const rest = Object.fromEntries(Object.entries(data).filter(([field]) => !inWords.includes(field)))
  const reason = textIn(data, 'reason')
  const claim = isClaim(confidenceOf(event)) ? 'claimed: ' : ''
  const why = reason === undefined ? '' : `: ${plainOrQuoted(shortened(reason, maxReason), PLAIN_REASON)}`
  return { words: `${claim}${verb.done}${who(data)}${why}`, rest }
}

function isAttributed(data: Fields): boolean {
  return textIn(data, 'by') !== undefined || textIn(data, 'reason') !== undefined
}

function verbIn(data: Fields, field: string, done: (word: string) => string): ReturnType<Verb> {
  const word = textIn(data, field)
  return word === undefined ? undefined : { done: done(plainOrQuoted(word, PLAIN_NAME)), of: field }
}

function who(data: Fields): string {
  const [by, decider] = [textIn(data, 'by'), textIn(data, 'decider')]
  if (by === undefined) return DECIDED_BY.get(decider) ?? ''
  const name = ` by ${plainOrQuoted(by, PLAIN_NAME)}`
  return decider === undefined ? name : `${name} (${plainOrQuoted(decider, PLAIN_NAME)})`
}

const PLAIN_NAME = /^[\p{L}\p{N}_.@+/-]+(?: [\p{L}\p{N}_.@+/-]+)*$/u
/** A reason that looks like a field of the event is quoted. */
const PLAIN_REASON = /^[^="]*$/

function plainOrQuoted(text: string, plain: RegExp): string {
  return printable(plain.test(text) ? text : JSON.stringify(text))
}
