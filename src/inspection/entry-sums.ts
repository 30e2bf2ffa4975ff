import type { FiledEvent, IndexName } from '../store/contract.js'
import type { NameHashes } from '../store/leveldb/hash-key.js'
import { valueKey } from '../store/leveldb/indexes/keys.js'
import { INDEX_NAMES, PostingSums, type SumKey, type ValueState } from './posting-sums.js'

/** Values of one index of which the state is kept. */
const MAX_KEPT = 8_192

/** A value of an index, and the sums of that index. */
export interface SummedValue {
  readonly sums: PostingSums
  readonly state: ValueState
}

/** Values under which an event is filed. */
export interface SummedOwners {
  readonly values: readonly SummedValue[]
  /** The parent of a run, under which the events that begin or end it are filed. */
  readonly parent: SummedValue | undefined
}

/** The value of a type. */
export interface SummedType {
  readonly value: SummedValue
  /** True for a type whose events are filed under the parent of their run as well. */
  readonly isOfRun: boolean
}

function add({ sums, state }: SummedValue, seq: number): void {
  sums.addOne(state, seq)
}

/** Sums up what entries file in each index, one entry after the other: what `postingsOf` says of them. */
export class EntrySums {
  /** In the order of `INDEX_NAMES`. */
  readonly sums: readonly PostingSums[]
  readonly #hashes: NameHashes
  readonly #session: PostingSums
  readonly #run: PostingSums
  readonly #type: PostingSums
  readonly #agent: PostingSums
  readonly #tenant: PostingSums
  readonly #parent: PostingSums
  readonly #actor: PostingSums
  readonly #tool: PostingSums
  readonly #superseding: PostingSums
  readonly #known: Readonly<Record<IndexName, Map<string, SummedValue>>>
  /** Sessions by their tenant. */
  #sessions = new Map<string, Map<string, ValueState>>()
  #keptSessions = 0

  constructor(sumKey: SumKey, hashes: NameHashes, block: number) {
    this.#hashes = hashes
    const sums = INDEX_NAMES.map(() => new PostingSums(sumKey, 1, block))
    this.sums = sums
    const of = (index: IndexName) => sums[INDEX_NAMES.indexOf(index)] as PostingSums
    this.#session = of('session')
    this.#run = of('run')
    this.#type = of('type')
    this.#agent = of('agent')
    this.#tenant = of('tenant')
    this.#parent = of('parent')
    this.#actor = of('actor')
    this.#tool = of('tool')
    this.#superseding = of('superseding')
    const known = INDEX_NAMES.map((index) => [index, new Map<string, SummedValue>()] as const)
    this.#known = Object.fromEntries(known) as Record<IndexName, Map<string, SummedValue>>
  }

  add(event: FiledEvent, seq: number): void {
    this.addUnder(this.ownersOf(event), this.typeOf(event.type), seq)
    const { toolName, supersedes, runId } = event
    if (toolName !== undefined) this.addTool(toolName, seq)
    if (supersedes !== undefined && runId !== undefined) {
      add(this.#value(this.#superseding, 'superseding', runId), seq)
    }
  }

  /** Adds an entry under what {@link ownersOf} and {@link typeOf} have of its event. */
  addUnder({ values, parent }: SummedOwners, { value, isOfRun }: SummedType, seq: number): void {
    for (let at = 0; at < values.length; at++) add(values[at] as SummedValue, seq)
    add(value, seq)
    if (parent && isOfRun) add(parent, seq)
  }

  /** Adds an entry under the tool that it is about. */
  addTool(name: string, seq: number): void {
    add(this.#value(this.#tool, 'tool', name), seq)
  }

  /** Returns what is filed for the type of an event; it stays the same. */
  typeOf(type: string): SummedType {
    return { value: this.#value(this.#type, 'type', type), isOfRun: type.startsWith('run_') }
  }

  /** Returns the values under which an event is filed, whatever its type is; they stay the same. */
  ownersOf({ tenantId, sessionId, runId, parentRunId, agent, actorId }: Omit<FiledEvent, 'type'>): SummedOwners {
    const values = [
      this.#value(this.#tenant, 'tenant', tenantId),
      { sums: this.#session, state: this.#sessionState(sessionId, tenantId) },
    ]
    if (runId !== undefined) values.push(this.#value(this.#run, 'run', runId))
    if (agent?.id !== undefined) values.push(this.#value(this.#agent, 'agent', agent.id))
    if (agent?.name !== undefined && agent.name !== agent.id) {
      values.push(this.#value(this.#agent, 'agent', agent.name))
    }
    if (actorId !== undefined) values.push(this.#value(this.#actor, 'actor', actorId))
    const parent = parentRunId === undefined ? undefined : this.#value(this.#parent, 'parent', parentRunId)
    return { values, parent }
  }

  #value(sums: PostingSums, index: IndexName, name: string): SummedValue {
    const known = this.#known[index]
    let value = known.get(name)
    if (value === undefined) {
      value = { sums, state: sums.stateOf(valueKey(index, [this.#hashes.of(name)])) }
      if (known.size >= MAX_KEPT) known.clear()
      known.set(name, value)
    }
    return value
  }

  #sessionState(sessionId: string, tenantId: string): ValueState {
    let known = this.#sessions.get(tenantId)
    if (known === undefined) {
      known = new Map()
      this.#sessions.set(tenantId, known)
    }
    let state = known.get(sessionId)
    if (state === undefined) {
      state = this.#session.stateOf(valueKey('session', [this.#hashes.of(sessionId), this.#hashes.of(tenantId)]))
      known.set(sessionId, state)
      this.#keptSessions++
      if (this.#keptSessions >= MAX_KEPT) {
        this.#sessions = new Map()
        this.#keptSessions = 0
      }
    }
    return state
  }
}
