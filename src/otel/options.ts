import { rejectUnknownOptions, requireDirectoryPath, requireOneOf, wholeNumberOption } from '../events/options.js'
import type { GovernanceOptions } from '../governance/governance-options.js'
import type { AuditLogWriter } from '../log/contract.js'
import { DURABILITIES, type Durability, journalWindowOption } from '../log/journal/durability.js'
import type { Convention } from './conventions/contract.js'
import { conventionOf } from './conventions/vocabulary/interpreter.js'
import { requireVocabularies } from './conventions/vocabulary/validate.js'
import type { Vocabulary } from './conventions/vocabulary/vocabulary.js'
import { ScopeNames, type ScopeNamesOption } from './scope-names.js'
import type { SpanExplanation } from './tracking/explain.js'

/** @see AuditSpanProcessorOptions.abandonAfterMillis */
const DEFAULT_ABANDON_AFTER_MILLIS = 30 * 60_000
/** @see AuditSpanProcessorOptions.maxOpenRuns */
const DEFAULT_MAX_OPEN_RUNS = 10_000

/** @see AuditSpanProcessorOptions.deliveryWaitMillis */
const DEFAULT_DELIVERY_WAIT_MILLIS = 90_000

/** Options of `AuditSpanProcessor`. */
export interface AuditSpanProcessorOptions extends GovernanceOptions {
  /** Attaches this log at once. The caller opened it and closes it. */
  readonly log?: AuditLogWriter
  /**
   * Opens the log of this directory in the background and attaches it; what happens meanwhile is written to a staging
   * journal in it, before the call returns. The processor closes the log at `shutdown()`. `await audit.ready` tells when it is
   * open, or why not; opening is tried again then.
   */
  readonly location?: string
  /**
   * Readers of the files of the log in `location`, see `AuditLogOptions.readableBy`: `owner`, or the `group` of the process too.
   *
   * @defaultValue `owner`
   */
  readonly readableBy?: 'owner' | 'group'
  /**
   * The way in which the log in `location` keeps events until they are committed, see `AuditLogOptions.durability`: `journal-behind` is for
   * volumes whose writes are slow. What happens before the log is open is written before the call returns in each case.
   *
   * @defaultValue `journal`
   */
  readonly durability?: Durability
  /**
   * The most bytes that are lost when the process is killed, with `durability: 'journal-behind'`: see
   * `AuditLogOptions.journalWindowBytes`. 131,072 to 16,777,216.
   *
   * @defaultValue 1,048,576 (1 MiB)
   */
  readonly journalWindowBytes?: number
  /** Conventions of your own, asked before the built-in ones. */
  readonly conventions?: readonly Convention[]
  /**
   * Dialects of your own: which attributes and span names say that a span is a run, a tool call, a call of a model …, and
   * under which names they hold agent, session, tokens. Rows of a table, so no code; asked after `conventions`, before
   * the built-in ones. At most 200.
   *
   * @defaultValue none
   * @example
   * ```ts
   * new AuditSpanProcessor({
   *   vocabularies: [
   *     {
   *       name: 'acme',
   *       kindAttributes: 'acme.kind',
   *       kinds: { bot: 'agent', action: 'tool', llm: 'model' },
   *       attributes: { agentName: 'acme.bot', toolName: 'acme.action', session: 'acme.chat' },
   *     },
   *   ],
   * })
   * ```
   */
  readonly vocabularies?: readonly Vocabulary[]
  /**
   * Told of every span which convention claimed it and why, or why none did: for finding out why an agent leaves no
   * trail. Each span is explained once, when it is claimed or at its end. What keeps the trail empty besides (no log is
   * attached, no span is seen, none is an agent's, attributes are dropped or cut) is told through OpenTelemetry's `diag`.
   * Slow; not for production.
   */
  readonly onExplain?: (explanation: SpanExplanation) => void
  /**
   * A run whose span is open but under which nothing is open and nothing has happened for this long is given up:
   * `run_failed` when its last child failed, else `run_interrupted` (`abandoned`). While spans below it are open, it
   * takes ten times as long. 1 s to 2^31 ms.
   *
   * @defaultValue 1,800,000 (half an hour)
   */
  readonly abandonAfterMillis?: number
  /**
   * A trace that is delivered after the fact (`deliver`) is translated when no span of it has come for this long: spans
   * may come in any order. What comes later is recorded then. 0 to 1 h, checked every few seconds.
   *
   * @defaultValue 90,000 (a minute and a half)
   */
  readonly deliveryWaitMillis?: number
  /** Runs in progress at a time; past it the oldest is given up. 1 to 10,000,000. @defaultValue 10,000 */
  readonly maxOpenRuns?: number
  /**
   * Believes the `traceparent` of every caller: a run below a remote parent whose ids are those of a span of this process
   * gets that span's tenant, session, user and run, its tokens count for that run, and its session is the trace id.
   * **Whoever has ever seen a trace header of this process can then write into the trail of somebody else.** Only for
   * processes that none but your own services can reach.
   *
   * Without it such a run gets `parentRunId` alone, repeated in `claimed`.
   *
   * @defaultValue false
   */
  readonly trustRemoteParents?: boolean
  /**
   * Believes the baggage of every caller: `spanledger.tenant.id`, `spanledger.session.id` and `spanledger.user.id` count
   * as if `withScope` had set them, also over the `tenantId` of an attachment. **Whoever can send a request can then
   * choose whose its events are.** Only where a gateway of your own takes baggage off strangers' requests.
   *
   * Without it they stand in `claimed`, by which no filter and no right goes.
   *
   * @defaultValue false
   */
  readonly trustBaggage?: boolean
  /**
   * Names of your own for tenants, sessions, users and runs, for all conventions at once: of span attributes and of
   * attributes of log records (`orgId`), of entries in the metadata that frameworks pass on (`ai.telemetry.metadata.orgId`,
   * `langfuse.trace.metadata.orgId`, OpenInference's `metadata` …), and of baggage entries. What they hold outweighs
   * what a framework says. Values are texts or numbers. Baggage is the caller's word: it stands in `claimed`, unless
   * `trustBaggage` is set, and runs are not read from it. At most 32 names each, exact, the first that holds something counts.
   *
   * @defaultValue none: `spanledger.*`, the names of OpenTelemetry, and the usual ones (`tenantId`, `sessionId`, `threadId`, `userId` …)
   * @example
   * ```ts
   * new AuditSpanProcessor({ scopeNames: { tenant: ['orgId'], session: ['chat_id', 'thread'], user: ['member'] } })
   * ```
   */
  readonly scopeNames?: ScopeNamesOption
}

/** Options of the log that a processor opens. */
export interface OwnLogOptions extends GovernanceOptions {
  readonly readableBy: 'owner' | 'group'
  readonly durability: Durability
  /** Given where a thread writes the journal alone. */
  readonly journalWindowBytes?: number
}

export interface ResolvedProcessorOptions {
  readonly log: AuditLogWriter | undefined
  readonly location: string | undefined
  readonly ownLog: OwnLogOptions
  readonly conventions: readonly Convention[]
  readonly onExplain: ((explanation: SpanExplanation) => void) | undefined
  readonly abandonAfterMillis: number
  readonly deliveryWaitMillis: number
  readonly maxOpenRuns: number
  readonly trustRemoteParents: boolean
  readonly trustBaggage: boolean
  readonly scopeNames: ScopeNames | undefined
}

const KNOWN: Record<keyof AuditSpanProcessorOptions, true> = {
  log: true,
  location: true,
  readableBy: true,
  durability: true,
  journalWindowBytes: true,
  policy: true,
  redactors: true,
  contentKeys: true,
  conventions: true,
  vocabularies: true,
  onExplain: true,
  abandonAfterMillis: true,
  deliveryWaitMillis: true,
  maxOpenRuns: true,
  trustRemoteParents: true,
  trustBaggage: true,
  scopeNames: true,
}
const OF = 'AuditSpanProcessor'

/** @throws TypeError naming the option. */
export function resolveProcessorOptions(options: AuditSpanProcessorOptions): ResolvedProcessorOptions {
  rejectUnknownOptions(OF, options, Object.keys(KNOWN))
  const { log, location, conventions = [], vocabularies = [], onExplain } = options
  if (log !== undefined && location !== undefined) throw new TypeError(`${OF}: give a log or a location, not both`)
  if (location !== undefined) requireDirectoryPath(OF, location)
  if (!Array.isArray(conventions)) throw new TypeError(`${OF}: conventions must be a list`)
  if (onExplain !== undefined && typeof onExplain !== 'function')
    throw new TypeError(`${OF}: onExplain must be a function`)
  return Object.freeze({
    log,
    location,
    ownLog: ownLogOptions(options),
    conventions: Object.freeze([...conventions, ...requireVocabularies(OF, vocabularies).map(conventionOf)]),
    onExplain,
    abandonAfterMillis: wholeNumberOption(OF, 'abandonAfterMillis', options.abandonAfterMillis, {
      fallback: DEFAULT_ABANDON_AFTER_MILLIS,
      min: 1000,
      max: 2 ** 31,
    }),
    deliveryWaitMillis: wholeNumberOption(OF, 'deliveryWaitMillis', options.deliveryWaitMillis, {
      fallback: DEFAULT_DELIVERY_WAIT_MILLIS,
      min: 0,
      max: 3_600_000,
    }),
    maxOpenRuns: wholeNumberOption(OF, 'maxOpenRuns', options.maxOpenRuns, {
      fallback: DEFAULT_MAX_OPEN_RUNS,
      min: 1,
      max: 10_000_000,
    }),
    trustRemoteParents: switchOption('trustRemoteParents', options.trustRemoteParents),
    trustBaggage: switchOption('trustBaggage', options.trustBaggage),
    scopeNames: options.scopeNames === undefined ? undefined : new ScopeNames(options.scopeNames),
  })
}

/** Options of a log that the processor opens itself. */
const OF_OWN_LOG = ['readableBy', 'durability', 'journalWindowBytes', 'policy', 'redactors', 'contentKeys'] as const

function ownLogOptions(options: AuditSpanProcessorOptions): OwnLogOptions {
  const { location, readableBy = 'owner', durability = 'journal', journalWindowBytes } = options
  requireOneOf(OF, 'readableBy', readableBy, ['owner', 'group'])
  requireOneOf(OF, 'durability', durability, DURABILITIES)
  const { policy, redactors, contentKeys } = options
  for (const name of OF_OWN_LOG) {
    if (options[name] !== undefined && location === undefined)
      throw new TypeError(`${OF}: ${name} goes with a location`)
  }
  journalWindowOption(OF, journalWindowBytes, durability)
  return Object.freeze({
    readableBy,
    durability,
    ...(journalWindowBytes !== undefined && { journalWindowBytes }),
    ...(policy !== undefined && { policy }),
    ...(redactors !== undefined && { redactors }),
    ...(contentKeys !== undefined && { contentKeys }),
  })
}

/** Anything but `true` and `false` may be meant either way. */
function switchOption(name: 'trustRemoteParents' | 'trustBaggage', value: unknown = false): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${OF}: ${name} must be true or false`)
  return value
}
