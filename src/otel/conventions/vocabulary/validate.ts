import { nearestName } from '../../../events/nearest.js'
import { rejectUnknownOptions } from '../../../events/options.js'
import type { Outcome } from '../contract.js'
import type { SpanMeaning, Vocabulary, VocabularyAttributes } from './vocabulary.js'

const MEANINGS: Record<SpanMeaning, true> = {
  agent: true,
  workflow: true,
  outermost: true,
  tool: true,
  model: true,
  embeddings: true,
  rerank: true,
  recall: true,
  retrieval: true,
  memory_write: true,
  memory_delete: true,
  handoff: true,
  guardrail: true,
  step: true,
}

const ATTRIBUTES: Record<keyof VocabularyAttributes, true> = {
  agentName: true,
  agentId: true,
  toolName: true,
  toolType: true,
  toolCallId: true,
  model: true,
  provider: true,
  operation: true,
  tenant: true,
  session: true,
  user: true,
  runId: true,
  errorType: true,
  errorMessage: true,
  finishReason: true,
  responseId: true,
  inputTokens: true,
  outputTokens: true,
  totalTokens: true,
  cachedInputTokens: true,
  cacheCreationInputTokens: true,
  reasoningTokens: true,
  costUsd: true,
  records: true,
  store: true,
  handoffFrom: true,
  handoffTo: true,
  guardrail: true,
  guardrailAction: true,
  guardrailTriggered: true,
  guardrailPassed: true,
}

const OUTCOMES: Record<Outcome, true> = { completed: true, failed: true, cancelled: true, suspended: true }

/** Besides the built-in ones, and the conventions that are code. */
const MAX_VOCABULARIES = 200

type Check = (value: unknown, of: string) => void

const FIELDS: Record<keyof Vocabulary, Check> = {
  name: requireText,
  instrumentationScopes: requireTexts,
  kindAttributes: requireNames,
  kinds: tableOf(oneOf(Object.keys(MEANINGS))),
  spanNames: tableOf(oneOf(Object.keys(MEANINGS))),
  nameUntil: requireText,
  spanNamesWith: requireNames,
  markers: tableOf(oneOf(Object.keys(MEANINGS))),
  otherwise: oneOf(Object.keys(MEANINGS)),
  events: tableOf(oneOf(['guardrail'])),
  attributes: (value, of) => {
    rejectUnknownOptions(of, value, Object.keys(ATTRIBUTES))
    for (const [name, attribute] of entriesOf(value))
      if (attribute !== undefined) requireNames(attribute, `${of}.${name}`)
  },
  outcomes: tableOf(tableOf(oneOf(Object.keys(OUTCOMES)))),
  cancellations: requireTexts,
  pauses: requireTexts,
  limits: tableOf(requireText),
  exceptionsFail: requireSwitch,
  mayLeak: requireSwitch,
  endsAsLastRun: requireSwitch,
  usageEvents: requireTexts,
  namelessRuns: requireSwitch,
  unmarkedRuns: requireSwitch,
  flatAgents: requireSwitch,
}

/** Checks the rows that a user adds to the table. @throws TypeError naming the row and the field. */
export function requireVocabularies(of: string, vocabularies: unknown): readonly Vocabulary[] {
  if (!Array.isArray(vocabularies)) throw new TypeError(`${of}: vocabularies must be a list`)
  if (vocabularies.length > MAX_VOCABULARIES) throw new TypeError(`${of}: at most ${MAX_VOCABULARIES} vocabularies`)
  return vocabularies.map((vocabulary: unknown, index) =>
    requireVocabulary(`${of}: vocabularies[${index}]`, vocabulary),
  )
}

function requireVocabulary(of: string, vocabulary: unknown): Vocabulary {
  rejectUnknownOptions(of, vocabulary, Object.keys(FIELDS))
  const row = vocabulary as Vocabulary
  requireText(row.name, `${of}.name`)
  for (const [field, value] of entriesOf(row)) {
    if (value !== undefined) FIELDS[field as keyof Vocabulary](value, `${of}.${field}`)
  }
  for (const name of Object.keys(row.spanNames ?? {})) {
    if (name !== '' && name !== '*') continue
    throw new TypeError(
      `${of}.spanNames: '${name}' would be every span; give the beginning of a name, or instrumentationScopes with otherwise`,
    )
  }
  const { kindAttributes, spanNames, markers, otherwise, instrumentationScopes, events } = row
  if (kindAttributes === undefined && !spanNames && !markers && !events && !(instrumentationScopes && otherwise)) {
    throw new TypeError(
      `${of}: a vocabulary needs kindAttributes, spanNames, markers, events, or instrumentationScopes with otherwise, to be recognised by`,
    )
  }
  return row
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return Object.entries(value as Readonly<Record<string, unknown>>)
}

function requireText(value: unknown, of: string): void {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${of} must be a text`)
}

function requireTexts(value: unknown, of: string): void {
  if (!Array.isArray(value)) throw new TypeError(`${of} must be a list of texts`)
  for (const each of value) requireText(each, `${of}[]`)
}

function requireNames(value: unknown, of: string): void {
  if (typeof value === 'string') requireText(value, of)
  else requireTexts(value, of)
}

function requireSwitch(value: unknown, of: string): void {
  if (typeof value !== 'boolean') throw new TypeError(`${of} must be true or false`)
}

function oneOf(known: readonly string[]): Check {
  return (value, of) => {
    if (typeof value === 'string' && known.includes(value)) return
    const meant = typeof value === 'string' ? nearestName(value, known) : undefined
    const hint = meant ? `; did you mean '${meant}'?` : ''
    throw new TypeError(`${of} must be one of ${known.map((each) => `'${each}'`).join(', ')}${hint}`)
  }
}

function tableOf(check: Check): Check {
  return (value, of) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TypeError(`${of} must be an object`)
    }
    for (const [key, each] of entriesOf(value)) check(each, `${of}['${key}']`)
  }
}
