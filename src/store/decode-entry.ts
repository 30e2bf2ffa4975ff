import { isToolType } from '../events/tool-name.js'
import type { AuditEvent } from '../events/types.js'
import type { FiledEvent } from './contract.js'
import { filedEvent } from './filed-event.js'

// Bytes that are no UTF-8 are damage, not replacement characters.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const { latin1Slice } = Buffer.prototype

/** A string of ASCII without escapes: as bytes what it is as text. */
export const TEXT = '"([ !#-[\\]-~]*)"'
/** {@link TEXT} of which nothing is taken. */
export const ANY = '"[ !#-[\\]-~]*"'
/** An envelope as it is sealed, up to its actor: fields in their order, no spaces. */
export const HEAD: RegExp = new RegExp(
  `^{"v":1,"id":${ANY},"type":${TEXT},"time":${TEXT},"recordedAt":${TEXT},"tenantId":${TEXT},"sessionId":${TEXT}` +
    `(?:,"runId":${TEXT})?(?:,"parentRunId":${TEXT})?(?:,"agent":{(?:"id":${TEXT})?,?(?:"name":${TEXT})?})?` +
    `(?:,"actor":{"id":${TEXT}})?,"(?:trace|claimed|source|data)":{`,
)
const MEMBERS = `(?:${ANY}:${ANY},?)*`
const UP_TO_DATA = `${MEMBERS}}(?:,"(?:claimed|source)":{${MEMBERS}})*(?:,"(?:statementOf|salt)":${ANY})*,"data":`
/** The rest of the envelope of an event as it is sealed, which follows a {@link HEAD}, up to the value of its data. */
export const BEFORE_DATA: RegExp = new RegExp(UP_TO_DATA, 'y')
/** The same of an event of a tool, up to the name of the tool and its type. */
const TOOL = new RegExp(`${UP_TO_DATA}{"callId":${ANY},"tool":{"name":${TEXT}(?:,"type":${ANY})?`, 'y')

/**
 * Matches a field that may repeat, or give late, a value by which an entry is filed: the name of such a field, or an
 * escape that may hide a letter of the name. In JSON the last value counts.
 */
const GIVEN_LATER =
  /"(?:type|time|recordedAt|tenantId|sessionId|runId|parentRunId|supersedes|agent|actor)"\s*:|\\u00[2-7]/g
/** The same of an event of a tool, whose name is filed as well. */
const TOOL_GIVEN_LATER = new RegExp(GIVEN_LATER.source.replace('(?:', '(?:data|tool|name|'), 'g')

/**
 * Returns the fields of an entry that the indexes are made of; `undefined` unless it is an event that can be filed. Taken from the beginning of an
 * entry that is sealed in the usual way: parsing all of it takes several times as long as hashing it. For everything that is
 * JSON the result is that of {@link decodeEntry}.
 */
export function decodeFiled(bytes: Uint8Array): FiledEvent | undefined {
  // Attacker-controlled: an entry, of the size at which it was stored; one anchored pattern, or else JSON.parse.
  const text = latin1Slice.call(bytes, 0, bytes.length)
  const head = HEAD.exec(text)
  if (!head) return decodeWhole(bytes)
  const [{ length }, type, time, recordedAt, tenantId, sessionId, runId, parentRunId, agentId, agentName, actorId] =
    head
  let toolName: string | undefined
  if (isToolType(type as string)) {
    toolName = toolNameIn(text, length, text.length)
    if (toolName === undefined) return decodeWhole(bytes)
  } else if (isGivenLater(text, length, text.length)) return decodeWhole(bytes)
  const agent = agentId === undefined && agentName === undefined ? undefined : { id: agentId, name: agentName }
  const event = { type, time, recordedAt, tenantId, sessionId, runId, parentRunId, agent, actorId, toolName }
  return event as FiledEvent
}

/** Tells whether a field may be given late, or again, in an event of no tool. @param headTo - where its {@link HEAD} ends */
export function isGivenLater(text: string, headTo: number, end: number): boolean {
  return isFound(GIVEN_LATER, text, headTo, end)
}

/**
 * Returns the name of the tool where an entry that is sealed in the usual way has it, and gives no field late or again.
 *
 * @param headTo - where its {@link HEAD} ends
 * @param end - of the entry
 */
export function toolNameIn(text: string, headTo: number, end: number): string | undefined {
  TOOL.lastIndex = headTo
  const found = TOOL.exec(text)
  if (!found || TOOL.lastIndex > end) return undefined
  return isFound(TOOL_GIVEN_LATER, text, TOOL.lastIndex, end) ? undefined : found[1]
}

function isFound(pattern: RegExp, text: string, from: number, end: number): boolean {
  pattern.lastIndex = from
  // It may find the head of the next entry.
  return pattern.test(text) && pattern.lastIndex <= end
}

function decodeWhole(bytes: Uint8Array): FiledEvent | undefined {
  const event = decodeEntry(bytes)
  return event && filedEvent(event)
}

/** The event of an entry, if it is one that can be filed in the indexes. */
export function decodeEntry(bytes: Uint8Array): AuditEvent | undefined {
  // Attacker-controlled: an entry; it may be any JSON, and the type of each field that is used is checked.
  let event: Partial<AuditEvent>
  try {
    event = JSON.parse(utf8.decode(bytes))
  } catch {
    return undefined
  }
  if (typeof event !== 'object' || event === null) return undefined
  const { type, time, tenantId, sessionId, runId, parentRunId, supersedes, agent } = event
  const isFiled =
    isText(type) &&
    isText(time) &&
    isText(tenantId) &&
    isText(sessionId) &&
    isTextOrMissing(runId) &&
    isTextOrMissing(parentRunId) &&
    isTextOrMissing(supersedes) &&
    (agent === undefined ||
      (typeof agent === 'object' && agent !== null && isTextOrMissing(agent.id) && isTextOrMissing(agent.name)))
  return isFiled ? (event as AuditEvent) : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTextOrMissing(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}
