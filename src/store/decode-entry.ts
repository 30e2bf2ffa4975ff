import type { AuditEvent } from '../events/types.js'
import type { FiledEvent } from './contract.js'

// Bytes that are no UTF-8 are damage, not replacement characters.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const { latin1Slice } = Buffer.prototype

/** A string of ASCII without escapes: as bytes what it is as text. */
const TEXT = '"([ !#-[\\]-~]*)"'
const ANY = '"[ !#-[\\]-~]*"'
/** An envelope as it is sealed, up to its agent: fields in their order, no spaces. */
export const HEAD: RegExp = new RegExp(
  `^{"v":1,"id":${ANY},"type":${TEXT},"time":${TEXT},"recordedAt":${TEXT},"tenantId":${TEXT},"sessionId":${TEXT}` +
    `(?:,"runId":${TEXT})?(?:,"parentRunId":${TEXT})?(?:,"agent":{(?:"id":${TEXT})?,?(?:"name":${TEXT})?})?` +
    `,"(?:actor|trace|claimed|source|data)":{`,
)

/**
 * Matches a field that may repeat, or give late, a value by which an entry is filed: the name of such a field, or an
 * escape that may hide a letter of the name. In JSON the last value counts.
 */
export const SAID_LATER: RegExp =
  /"(?:type|time|recordedAt|tenantId|sessionId|runId|parentRunId|agent)"\s*:|\\u00[2-7]/g

/**
 * What an entry says that the indexes are made of, if it is an event that can be filed. Taken from the beginning of an
 * entry that is sealed in the usual way: parsing all of it takes several times as long as hashing it. For everything that is
 * JSON it says what {@link decodeEntry} says.
 */
export function decodeFiled(bytes: Uint8Array): FiledEvent | undefined {
  const text = latin1Slice.call(bytes, 0, bytes.length)
  const head = HEAD.exec(text)
  if (!head) return decodeEntry(bytes)
  SAID_LATER.lastIndex = head[0].length
  if (SAID_LATER.test(text)) return decodeEntry(bytes)
  const [, type, time, recordedAt, tenantId, sessionId, runId, parentRunId, agentId, agentName] = head
  const agent = agentId === undefined && agentName === undefined ? undefined : { id: agentId, name: agentName }
  return { type, time, recordedAt, tenantId, sessionId, runId, parentRunId, agent } as FiledEvent
}

/** The event of an entry, if it is one that can be filed in the indexes. */
export function decodeEntry(bytes: Uint8Array): AuditEvent | undefined {
  let event: Partial<AuditEvent>
  try {
    event = JSON.parse(utf8.decode(bytes))
  } catch {
    return undefined
  }
  if (typeof event !== 'object' || event === null) return undefined
  const { type, time, tenantId, sessionId, runId, parentRunId, agent } = event
  const isFiled =
    isText(type) &&
    isText(time) &&
    isText(tenantId) &&
    isText(sessionId) &&
    isTextOrMissing(runId) &&
    isTextOrMissing(parentRunId) &&
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
