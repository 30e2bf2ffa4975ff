import type { SpanLike } from '../../span.js'
import type { RecognisedSpan } from '../contract.js'
import { jsonIn } from '../shared/attributes.js'
import { type ClientContentKey, type FromClient, fromClient } from '../shared/from-client.js'

/*
 * Traceloop starts every span of LangChain's as a sibling. Which of them is inside which must be had from the order of
 * their starts and ends, as far as that tells: one call of LangChain's at a time nests like a stack. When several are
 * under way below the same parent, their spans interleave, and nobody can tell whose is whose.
 */

export interface Placement {
  /** Undefined for a span that is inside none of the open ones. */
  readonly within?: RecognisedSpan | undefined
  /** Several calls are under way: what the span is inside of cannot be told. */
  readonly ambiguous?: boolean
  /** The nesting shows in what was passed on: whoever sends the same text while a call is under way can bring it about. */
  readonly byContent?: boolean
}

const NOWHERE: Placement = Object.freeze({})
const AMBIGUOUS: Placement = Object.freeze({ ambiguous: true })

/** Returns the placement of a tool or a call of a model. */
export function nestInside(open: readonly RecognisedSpan[]): Placement {
  const roots = rootsOf(open)
  if (roots.length !== 1) return roots.length === 0 ? NOWHERE : AMBIGUOUS
  const { run, forked } = innermostRun(open)
  const innermost = forked ? undefined : open.findLast(({ activity }) => activity.kind !== 'model')
  return { within: innermost ?? run ?? roots[0] }
}

/**
 * Returns the placement of a chain. A graph has many nodes at work at once; but where the outermost is a mere chain, another that
 * starts while a model is being waited for may as well have been called from elsewhere.
 */
export function nestChain(open: readonly RecognisedSpan[], isGraph: (span: SpanLike) => boolean): Placement {
  const [root] = rootsOf(open)
  const waiting = open.at(-1)?.activity.kind === 'model'
  return waiting && root?.span && !isGraph(root.span) ? AMBIGUOUS : nestInside(open)
}

/**
 * Returns the placement of a graph: inside the node or the tool that called it, which shows by what was passed on. One that starts
 * while a model is being waited for has been called from elsewhere; one that starts right after another stands beside it.
 *
 * @param inputKey - of the attribute that holds what a span was called with
 */
export function nestGraph(span: SpanLike, open: readonly RecognisedSpan[], inputKey: ClientContentKey): Placement {
  const last = open.at(-1)
  if (!last || last.activity.kind === 'model' || rootsOf(open).length > 1) return NOWHERE
  const callers = new Set(open.map(({ activity, outer }) => (activity.kind === 'run' ? outer : undefined)))
  const free = open.filter((other) => other.activity.kind !== 'run' && !callers.has(other)).reverse()
  const received = fromClient(span.attributes, inputKey)
  const within = free.find((caller) => passesOn(inputOf(caller, inputKey), received))
  if (within) return { within, byContent: true }
  if (last.activity.kind === 'run') return { within: open.find((other) => other === last.outer) }
  return passesOn(inputOf(last, inputKey), received) === undefined ? { within: last } : NOWHERE
}

function inputOf({ span }: RecognisedSpan, inputKey: ClientContentKey): FromClient<string> | undefined {
  return span && fromClient(span.attributes, inputKey)
}

function rootsOf(open: readonly RecognisedSpan[]): readonly RecognisedSpan[] {
  return open.filter(({ outer }) => outer === undefined || !open.includes(outer))
}

/** The innermost run that surely contains what starts now: of runs side by side, the one around them. */
function innermostRun(open: readonly RecognisedSpan[]): { run: RecognisedSpan | undefined; forked: boolean } {
  let run: RecognisedSpan | undefined
  let forked = false
  for (const candidate of open) {
    if (candidate.activity.kind !== 'run') continue
    if (!forked && (!run || isWithin(candidate, run))) {
      run = candidate
      continue
    }
    forked = true
    while (run && !isWithin(candidate, run)) run = run.outer
  }
  return { run, forked }
}

function isWithin(inner: RecognisedSpan, outer: RecognisedSpan): boolean {
  for (let around: RecognisedSpan | undefined = inner; around; around = around.outer) if (around === outer) return true
  return false
}

/** The number of a caller's texts that are looked for in what it may have called. */
const MAX_TEXTS = 64
const MIN_TEXT_LENGTH = 3
/** Levels deeper than this are not looked into: anybody can nest without end. */
const MAX_DEPTH = 32

/**
 * Tells whether a call has passed on what its caller was given: the same input, or some text of it. Undefined where there is
 * nothing to compare: content is switched off, or has no text in it.
 */
function passesOn(
  given: FromClient<string> | undefined,
  received: FromClient<string> | undefined,
): boolean | undefined {
  return given?.borneOutBy('nesting', (one) => received?.borneOutBy('nesting', (other) => hasTextOf(one, other)))
}

function hasTextOf(given: string, received: string): boolean | undefined {
  if (given === received) return true
  const texts = new Set<string>()
  // Attacker-controlled: the input of an entity, which may be a client's; at most 256 KiB are parsed.
  collectTexts(jsonIn(given), texts)
  if (texts.size === 0) return undefined
  for (const text of texts) if (received.includes(JSON.stringify(text).slice(1, -1))) return true
  return false
}

/** Names of LangChain's classes, and of parts of a message, are in every input. */
const STRUCTURE: ReadonlySet<string> = new Set(['id', 'lc', 'type', 'role', 'status'])

function collectTexts(value: unknown, texts: Set<string>, depth = 0): void {
  if (texts.size >= MAX_TEXTS || depth > MAX_DEPTH) return
  if (typeof value === 'string') {
    // Arguments of a tool are JSON within JSON.
    const inner = value.startsWith('{') ? jsonIn(value) : undefined
    if (inner !== undefined) collectTexts(inner, texts, depth + 1)
    else if (value.length >= MIN_TEXT_LENGTH) texts.add(value)
  } else if (Array.isArray(value)) for (const item of value) collectTexts(item, texts, depth + 1)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) if (!STRUCTURE.has(key)) collectTexts(member, texts, depth + 1)
  }
}
