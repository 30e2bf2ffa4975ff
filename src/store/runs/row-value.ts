import { textOf } from '../../events/text.js'
import type { AgentRef, TokenUsage } from '../../events/types.js'
import { USAGE_FIELDS } from '../../events/usage.js'
import type { ToolCounts } from './named-items.js'
import type { Ending, RowState } from './row-state.js'
import { COUNTED_TYPES } from './run-counts.js'

/*
 * The value of a row: the state of its fold, as JSON. Fields stand in a list, in the order below, and one that is absent
 * is null. A sum that JSON cannot write is a text.
 */

type Json = string | number | boolean | null | readonly Json[]

const FIELDS = 31

/** Returns the state of a row as it is stored. */
export function encodeRow(state: RowState): Buffer {
  const fields: Json[] = [
    state.tenantId,
    state.runId,
    state.firstSeq,
    state.firstTime,
    state.firstSessionId,
    state.lastSeq,
    state.eventCount,
    orNull(state.status),
    orNull(state.parentRunId),
    orNull(state.actorId),
    orNull(state.sessionId),
    orNull(state.traceSessionId),
    encodeAgent(state.agent),
    encodeAgent(state.otherAgent),
    orNull(state.model),
    orNull(state.modelOfUsage),
    orNull(state.startedAt),
    orNull(state.startFromEnd),
    orNull(state.startConfidence),
    encodeEnding(state.ending),
    state.wentOn,
    state.resumed,
    state.claimedResumed,
    encodeUsage(state.usage),
    encodeUsage(state.usageFromEnd),
    [...state.counts, state.claimed],
    [state.agents.omitted, ...state.agents.items.map(encodeAgent)],
    [state.tools.omitted, ...state.tools.items.map((tool) => [tool.name, tool.started, tool.completed, tool.failed])],
    [state.models.omitted, ...state.models.items],
    [...state.firstSeqs].flat(),
    state.endIds,
  ]
  return Buffer.from(JSON.stringify(fields))
}

/**
 * Returns the state that was stored. The list's form is checked; its contents are those of a database that was derived
 * from entries.
 *
 * @throws RangeError when the value is no row
 */
export function decodeRow(value: Uint8Array): RowState {
  // Attacker-controlled: the row of a run in the index; the form of every field is checked.
  const fields = parse(value)
  const [tenantId, runId, firstSeq, firstTime, firstSessionId, lastSeq, eventCount] = fields
  const isRow =
    fields.length === FIELDS &&
    typeof tenantId === 'string' &&
    typeof runId === 'string' &&
    typeof firstTime === 'string' &&
    typeof firstSessionId === 'string' &&
    isPosition(firstSeq) &&
    isPosition(lastSeq) &&
    isPosition(eventCount)
  if (!isRow) throw malformed()
  const lists = fields.slice(25)
  const [counts, agents, tools, models, firstSeqs, endIds] = lists
  if (!isList(counts) || counts.length !== COUNTED_TYPES.length + 1) throw malformed()
  if (!isList(agents) || !isList(tools) || !isList(models)) throw malformed()
  if (!isList(firstSeqs) || !isList(endIds)) throw malformed()
  return {
    tenantId,
    runId,
    firstSeq,
    firstTime,
    firstSessionId,
    lastSeq,
    eventCount,
    status: text(fields[7]) as RowState['status'],
    parentRunId: text(fields[8]),
    actorId: text(fields[9]),
    sessionId: text(fields[10]),
    traceSessionId: text(fields[11]),
    agent: decodeAgent(fields[12]),
    otherAgent: decodeAgent(fields[13]),
    model: text(fields[14]),
    modelOfUsage: text(fields[15]),
    startedAt: text(fields[16]),
    startFromEnd: text(fields[17]),
    startConfidence: text(fields[18]),
    ending: decodeEnding(fields[19]),
    wentOn: fields[20] === true,
    resumed: number(fields[21]),
    claimedResumed: number(fields[22]),
    usage: decodeUsage(fields[23]),
    usageFromEnd: decodeUsage(fields[24]),
    counts: counts.slice(0, -1).map(number),
    claimed: number(counts.at(-1)),
    agents: { omitted: number(agents[0]), items: agents.slice(1).map((agent) => decodeAgent(agent) ?? {}) },
    tools: { omitted: number(tools[0]), items: tools.slice(1).map(decodeTool) },
    models: { omitted: number(models[0]), items: models.slice(1).map((model) => text(model) ?? '') },
    firstSeqs: decodeFirstSeqs(firstSeqs),
    endIds: endIds.map((id) => text(id) ?? ''),
  }
}

function parse(value: Uint8Array): readonly unknown[] {
  try {
    const fields: unknown = JSON.parse(textOf(value))
    if (Array.isArray(fields)) return fields
  } catch {
    // Told below.
  }
  throw malformed()
}

function malformed(): RangeError {
  return new RangeError('The row of a run is malformed')
}

function orNull<T extends Json>(value: T | undefined): T | null {
  return value === undefined ? null : value
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw malformed()
  return value
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function encodeAgent(agent: AgentRef | undefined): Json {
  return agent ? [orNull(agent.id), orNull(agent.name)] : null
}

function decodeAgent(value: unknown): AgentRef | undefined {
  if (!isList(value)) return undefined
  const agent: AgentRef = {}
  const [id, name] = [text(value[0]), text(value[1])]
  if (id !== undefined) agent.id = id
  if (name !== undefined) agent.name = name
  return agent
}

function encodeEnding(ending: Ending | undefined): Json {
  if (!ending) return null
  const { at, durationMs, finishReason, reason, error, confidence, supersedes } = ending
  const details = [orNull(durationMs), orNull(finishReason), orNull(reason), orNull(confidence), orNull(supersedes)]
  return error ? [at, ...details, error.code, orNull(error.message)] : [at, ...details]
}

function decodeEnding(value: unknown): Ending | undefined {
  if (!isList(value)) return undefined
  const [at, durationMs, finishReason, reason, confidence, supersedes, code, said] = value
  const message = text(said)
  return {
    at: text(at) ?? '',
    durationMs: typeof durationMs === 'number' ? durationMs : undefined,
    finishReason: text(finishReason),
    reason: text(reason),
    confidence: text(confidence),
    supersedes: text(supersedes),
    error: code === undefined ? undefined : { code: text(code) ?? '', ...(message !== undefined && { message }) },
  }
}

function encodeUsage(usage: TokenUsage | undefined): Json {
  if (!usage) return null
  return USAGE_FIELDS.map((field) => {
    const sum = usage[field]
    return sum === undefined || Number.isFinite(sum) ? orNull(sum) : String(sum)
  })
}

function decodeUsage(value: unknown): TokenUsage | undefined {
  if (!isList(value)) return undefined
  const usage: { [Field in keyof TokenUsage]?: number } = {}
  for (const [at, field] of USAGE_FIELDS.entries()) {
    const sum = value[at]
    if (sum !== null && sum !== undefined) usage[field] = Number(sum)
  }
  return usage as TokenUsage
}

function decodeTool(value: unknown): ToolCounts {
  if (!isList(value)) throw malformed()
  const [name, started, completed, failed] = value
  return {
    name: text(name) ?? '',
    started: number(started),
    completed: number(completed),
    failed: number(failed),
  }
}

function decodeFirstSeqs(pairs: readonly unknown[]): Map<string, number> {
  const firstSeqs = new Map<string, number>()
  for (let at = 0; at + 1 < pairs.length; at += 2) firstSeqs.set(text(pairs[at]) ?? '', number(pairs[at + 1]))
  return firstSeqs
}
