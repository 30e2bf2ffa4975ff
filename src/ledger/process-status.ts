import type { ProcessIdentity } from '../store/process-identity.js'

/** The status of a process, in its own words. */
export interface ProcessStatus {
  readonly pid: number
  /** The time at which the processor was made: RFC 3339. */
  readonly startedAt: string
  /** The time at which this was written. */
  readonly updatedAt: string
  readonly host: string
  /** `undefined` where the system has no identity for a process. */
  readonly identity: ProcessIdentity | undefined
  /** The number of the log that it writes; `undefined` while it has none. */
  readonly log: number | undefined
  /** The option `durability` of its processor; `undefined` where the process does not state it. */
  readonly durability?: string | undefined
  /** The word of `AuditSpanProcessor.health()`. */
  readonly status: string
  readonly reasons: readonly StatedReason[]
}

export interface StatedReason {
  readonly code: string
  readonly message: string
}

const MAX_REASONS = 16
const MAX_CODE = 64
const MAX_MESSAGE = 600
const MAX_HOST = 255
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]{8,18}Z$/
const HEX = /^[\da-f]{0,64}$/
const DIGITS = /^\d{1,20}$/

/**
 * Reads a status that anybody may have written: each field is checked, and texts are cut.
 *
 * @returns `undefined` for what is none
 */
export function parseStatus(text: string): ProcessStatus | undefined {
  // Attacker-controlled: a status file of at most MAX_BYTES; each field is checked, and texts are cut.
  const read = fieldsOf(JSON.parse(text))
  const { pid, startedAt, updatedAt, host, log, durability, status } = read
  if (!isCount(pid) || !isTime(startedAt) || !isTime(updatedAt)) return undefined
  if (typeof host !== 'string' || typeof status !== 'string') return undefined
  return {
    pid,
    startedAt,
    updatedAt,
    host: host.slice(0, MAX_HOST),
    identity: identityOf(read.identity, pid),
    log: isCount(log) ? log : undefined,
    ...(typeof durability === 'string' && { durability: durability.slice(0, MAX_CODE) }),
    status: status.slice(0, MAX_CODE),
    reasons: Array.isArray(read.reasons) ? read.reasons.slice(0, MAX_REASONS).flatMap(reasonOf) : [],
  }
}

function identityOf(value: unknown, pid: number): ProcessIdentity | undefined {
  const { bootId, namespace, startTicks } = fieldsOf(value)
  if (typeof bootId !== 'string' || !HEX.test(bootId)) return undefined
  if (typeof namespace !== 'string' || !DIGITS.test(namespace) || !isCount(startTicks)) return undefined
  return { bootId, namespace, pid, startTicks }
}

function reasonOf(value: unknown): StatedReason[] {
  const { code, message } = fieldsOf(value)
  if (typeof code !== 'string' || typeof message !== 'string') return []
  return [{ code: code.slice(0, MAX_CODE), message: message.slice(0, MAX_MESSAGE) }]
}

/** The own fields of an object: a JSON text may have a member `__proto__`, which no assignment shall ever see. */
function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.assign(
        Object.create(null),
        Object.fromEntries(Object.entries(value).filter(([key]) => key !== '__proto__')),
      )
    : {}
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && TIME.test(value)
}
