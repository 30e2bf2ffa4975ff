import type { Attributes } from '@opentelemetry/api'
import { isAlterationList } from '../../../events/fields.js'
import type { AgentRef, Alteration, AuditEventData } from '../../../events/index.js'
import { defineMember } from '../../../events/object-members.js'
import { attributesFromData } from '../../../record/attributes.js'
import { mayHoldMarks, readMarks } from '../../../record/content-mark.js'
import * as names from '../../../record/names.js'
import type { SpanLike } from '../../span.js'
import type { Conclusion, Convention, Fact, Outcome, RunActivity } from '../contract.js'
import { json, text } from '../shared/attributes.js'
import { type Reading, readJson } from '../shared/cut-json.js'
import { concludeError } from '../shared/error-endings.js'
import { errorOf, hasErrorStatus, withStackTrace } from '../shared/outcome.js'
import { runDetails } from '../shared/run-details.js'
import { scopeFromAttributes } from '../shared/scope-attributes.js'
import { type CarriedType, carriedType, dataFromAttributes } from './data.js'

const OUTCOMES: ReadonlySet<string> = new Set<Outcome>(['completed', 'failed', 'cancelled', 'suspended'])

/** Attributes of an event that are none of its `data`. */
const SURROUNDINGS: ReadonlySet<string> = new Set([
  names.TENANT_ID,
  names.SESSION_ID,
  names.USER_ID,
  names.RUN_ID,
  names.PARENT_RUN_ID,
  names.AGENT_ID,
  names.AGENT_NAME,
  names.LIBRARY_NAME,
  names.LIBRARY_VERSION,
  names.DATA,
  names.ALTERED,
])

/** Levels of `data` that a key's dots make; deeper ones stay part of the name. */
const MAX_LEVELS = 8

/** Spanledger's own names, as `spanledger/record` and anybody who knows them writes them. */
export const spanledgerConvention: Convention = {
  name: 'spanledger',
  attributePrefixes: [names.PREFIX],
  eventPrefixes: [names.PREFIX],

  recognise(span) {
    const { attributes } = span
    if (text(attributes, names.RUN_KIND) === undefined) return undefined
    const model = text(attributes, names.RUN_MODEL, names.GEN_AI_REQUEST_MODEL)
    const trigger = text(attributes, names.RUN_TRIGGER)
    return { kind: 'run', agent: agentIn(attributes) ?? {}, model, trigger, ...startIn(span) }
  },

  conclude(span) {
    const { attributes } = span
    const ending = endingOf(span)
    return {
      ...ending,
      reason: text(attributes, names.RUN_REASON) ?? ending.reason,
      by: text(attributes, names.RUN_CANCELLED_BY),
      waitingFor: text(attributes, names.RUN_WAITING_FOR),
      finishReason: text(attributes, names.RUN_FINISH_REASON),
      agent: agentIn(attributes),
    } satisfies Conclusion
  },

  translate({ name, attributes }) {
    const known = carriedType(name)
    const type = known?.type ?? name.slice(names.PREFIX.length)
    if (type === '' || !name.startsWith(names.PREFIX)) return []
    const altered = writersAlterations(attributes)
    const data = known ? knownData(known, attributes, altered) : ownData(attributes, altered)
    const scope = { ...scopeFromAttributes(attributes), agent: agentIn(attributes) }
    // A type of the user's own is no member of the union: whether the log knows it is for the log to say.
    return [{ type, data, scope, altered: altered.length > 0 ? altered : undefined } as Fact]
  },
}

const RUN_STARTED = carriedType(`${names.PREFIX}run_started`)

/** Reads the fields of `run_started` that a span carries beside its agent, model and trigger. */
function startIn(span: SpanLike): Pick<RunActivity, 'details' | 'altered'> | undefined {
  if (!RUN_STARTED) return undefined
  const altered: Alteration[] = []
  const data = dataFromAttributes(RUN_STARTED, span.attributes, altered) as AuditEventData<'run_started'>
  const { agent: _agent, model: _model, trigger: _trigger, ...said } = data
  const details = { ...runDetails(span), ...said }
  const wrong = altered.filter(({ field }) => !OWN_FIELDS.test(field))
  if (Object.keys(details).length === 0 && wrong.length === 0) return undefined
  return { details, altered: wrong.length > 0 ? wrong : undefined }
}

/** Fields of a start that are read by other rules. */
const OWN_FIELDS = /^data\.(?:agent|model|trigger)(?:\.|$)/

/** As the application says; else its error tells. */
function endingOf(span: SpanLike): Conclusion {
  const said = text(span.attributes, names.RUN_OUTCOME)
  if (said === 'failed') return { outcome: said, error: withStackTrace(errorOf(span), span) }
  if (said !== undefined && OUTCOMES.has(said)) return { outcome: said as Outcome, error: undefined }
  return hasErrorStatus(span) ? concludeError(errorOf(span), span) : { outcome: 'completed', error: undefined }
}

function agentIn(attributes: Attributes): AgentRef | undefined {
  const id = text(attributes, names.AGENT_ID, names.GEN_AI_AGENT_ID)
  const name = text(attributes, names.AGENT_NAME, names.GEN_AI_AGENT_NAME, names.GEN_AI_WORKFLOW_NAME)
  if (id === undefined && name === undefined) return undefined
  return { ...(id !== undefined && { id }), ...(name !== undefined && { name }) }
}

function ownData(attributes: Attributes, altered: Alteration[]): object {
  return parsedData(attributes, altered) ?? unflattened(attributes)
}

function knownData(known: CarriedType, attributes: Attributes, altered: Alteration[]): object {
  if (known.type === 'custom') return customData(attributes, altered)
  const parsed = parsedData(attributes, altered)
  const flat = parsed === undefined ? attributes : { ...attributesFromData(parsed), ...attributes }
  for (const key of Object.keys(flat)) {
    if (!known.keys.has(key) && key.startsWith(names.PREFIX) && !SURROUNDINGS.has(key)) {
      altered.push({ field: `data.${key.slice(names.PREFIX.length)}`, reason: 'removed' })
    }
  }
  return dataFromAttributes(known, flat, altered)
}

function customData(attributes: Attributes, altered: Alteration[]): object {
  const data = ownData(attributes, altered)
  const fields: { name?: unknown } = Array.isArray(data) ? { value: data } : data
  const name = text(attributes, names.CUSTOM_NAME) ?? fields.name
  if (typeof name === 'string' && name !== '') return { ...fields, name }
  altered.push({ field: 'data.name', reason: name === undefined ? 'missing' : 'invalid' })
  return { ...fields, name: 'unknown' }
}

/** `data` that came as JSON; `undefined` when none did. A log record may carry it as it is. */
function parsedData(attributes: Attributes, altered: Alteration[]): object | undefined {
  const raw: unknown = attributes[names.DATA]
  if (raw === undefined || raw === null) return undefined
  // Attacker-controlled: `data` as JSON text, from whoever emits the event; at most 256 KiB and, where it is cut, 512
  // levels are read; sealing bounds what is kept of it.
  const read: Reading = typeof raw === 'string' ? readJson(raw) : { extent: 'whole', value: raw }
  const value = typeof raw === 'string' && mayHoldMarks(raw) ? readMarks(read.value) : read.value
  if (read.extent === 'whole') return typeof value === 'object' && value !== null ? value : { value }
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    altered.push({ field: 'data', reason: 'truncated' })
    return value
  }
  altered.push({ field: 'data', reason: 'invalid' })
  return { text: raw }
}

/** `data` of a type this version does not know, from the attributes of a writer that flattened it. */
function unflattened(attributes: Attributes): object {
  const data = {}
  // Sorted, a key comes before those it is a prefix of, so that it is they which give way.
  for (const key of Object.keys(attributes).sort()) {
    if (!key.startsWith(names.PREFIX) || SURROUNDINGS.has(key)) continue
    const value = attributes[key]
    const path = key
      .slice(names.PREFIX.length)
      .split('.', MAX_LEVELS + 1)
      .map(camelCase)
    if (path.length > MAX_LEVELS || !put(data, path, value)) defineMember(data, key.slice(names.PREFIX.length), value)
  }
  return data
}

/** @returns false where a value that is no object stands in the way */
function put(data: object, path: readonly string[], value: unknown): boolean {
  let holder = data
  for (const name of path.slice(0, -1)) {
    if (!Object.hasOwn(holder, name)) defineMember(holder, name, {})
    const next: unknown = Object.getOwnPropertyDescriptor(holder, name)?.value
    if (typeof next !== 'object' || next === null || Array.isArray(next)) return false
    holder = next
  }
  const last = path.at(-1) as string
  if (Object.hasOwn(holder, last)) return false
  defineMember(holder, last, value)
  return true
}

/** `input_tokens` → `inputTokens`. */
function camelCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** Returns the changes that the writer already had to make. */
function writersAlterations(attributes: Attributes): Alteration[] {
  if (attributes[names.ALTERED] === undefined) return []
  const list = json(attributes, names.ALTERED)
  return isAlterationList(list) ? list : []
}
