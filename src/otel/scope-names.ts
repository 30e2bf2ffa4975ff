import type { Attributes } from '@opentelemetry/api'
import { rejectUnknownOptions } from '../events/options.js'
import type { ScopeIds } from './conventions/contract.js'
import { idIn, readRecord } from './conventions/shared/attributes.js'

/**
 * The application's own names for tenant, session, user and run, in attributes, in the metadata of frameworks and in
 * baggage. At most 32 for each; the first that holds something counts.
 */
export interface ScopeNamesOption {
  readonly tenant?: readonly string[]
  readonly session?: readonly string[]
  readonly user?: readonly string[]
  /** Ids of runs; not read from baggage, since all that happens in a request would be one run. */
  readonly run?: readonly string[]
}

const MAX_NAMES = 32
const OF = 'AuditSpanProcessor: scopeNames'

const FIELDS = [
  ['tenantId', 'tenant'],
  ['sessionId', 'session'],
  ['userId', 'user'],
  ['runId', 'run'],
] as const

/** Prefixes under which frameworks put the metadata of their users, beside the name alone. */
const NAMESPACES = [
  '',
  'ai.telemetry.metadata.',
  'ai.settings.context.',
  'traceloop.association.properties.',
  'langfuse.trace.metadata.',
  'langfuse.observation.metadata.',
  'langsmith.metadata.',
  'mastra.metadata.',
  'lmnr.association.properties.metadata.',
  'metadata.',
  'gen_ai.',
]

/** Attributes that hold such metadata as JSON text. */
const JSON_METADATA = ['metadata', 'genkit:metadata:context', 'agent.context', 'workflow.context', 'langwatch.metadata']

/** Reads whose an event is under the names that an application has given. */
export class ScopeNames {
  readonly #names: Readonly<Record<(typeof FIELDS)[number][1], readonly string[]>>

  /** @throws TypeError naming what is wrong */
  constructor(option: ScopeNamesOption) {
    rejectUnknownOptions(
      OF,
      option,
      FIELDS.map(([, name]) => name),
    )
    const { tenant, session, user, run } = option
    this.#names = {
      tenant: namesIn('tenant', tenant),
      session: namesIn('session', session),
      user: namesIn('user', user),
      run: namesIn('run', run),
    }
  }

  /** Reads what the attributes of a span or a log record say, and the metadata in them. */
  scopeIn(attributes: Attributes): ScopeIds {
    let parsed: readonly Readonly<Record<string, unknown>>[] | undefined
    const facts: Record<string, string> = {}
    for (const [field, of] of FIELDS) {
      const names = this.#names[of]
      if (names.length === 0) continue
      // Attacker-controlled: JSON text that may hold what a client passed on; at most 256 KiB and, where it is cut,
      // 512 levels are read, and only the application's own names are looked up.
      parsed ??= JSON_METADATA.flatMap((key) => (attributes[key] === undefined ? [] : [readRecord(attributes, key)]))
      const value = firstOf(names, attributes, parsed)
      if (value !== undefined) facts[field] = value
    }
    return facts
  }

  /** Reads what baggage says of a field. */
  entryIn(field: 'tenantId' | 'sessionId' | 'userId', entry: (name: string) => string | undefined): string | undefined {
    const [, of] = FIELDS.find(([known]) => known === field) ?? []
    for (const name of of ? this.#names[of] : []) {
      const value = entry(name)
      if (value !== undefined) return value
    }
    return undefined
  }
}

function firstOf(
  names: readonly string[],
  attributes: Attributes,
  parsed: readonly Readonly<Record<string, unknown>>[],
): string | undefined {
  for (const name of names) {
    for (const prefix of NAMESPACES) {
      const value = idIn(attributes, prefix + name)
      if (value !== undefined) return value
    }
    for (const metadata of parsed) {
      const value = Object.hasOwn(metadata, name) ? idIn(metadata, name) : undefined
      if (value !== undefined) return value
    }
  }
  return undefined
}

function namesIn(of: string, names: unknown = []): readonly string[] {
  if (!Array.isArray(names) || names.length > MAX_NAMES) {
    throw new TypeError(`${OF}.${of} must be a list of at most ${MAX_NAMES} names`)
  }
  if (!names.every((name) => typeof name === 'string' && name !== '')) {
    throw new TypeError(`${OF}.${of}: every name must be a text that is not empty`)
  }
  return Object.freeze([...names])
}
