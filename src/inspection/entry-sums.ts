import type { FiledEvent, IndexName } from '../store/contract.js'
import type { NameHashes } from '../store/leveldb/hash-key.js'
import { valueKey } from '../store/leveldb/indexes/keys.js'
import { INDEX_NAMES, PostingSums, type SumKey, type ValueState } from './posting-sums.js'

/** Values of one index of which the state is kept. */
const MAX_KEPT = 8_192

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
  readonly #known: Readonly<Record<IndexName, Map<string, ValueState>>>
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
    const known = INDEX_NAMES.map((index) => [index, new Map<string, ValueState>()] as const)
    this.#known = Object.fromEntries(known) as Record<IndexName, Map<string, ValueState>>
  }

  add({ type, tenantId, sessionId, runId, parentRunId, agent, actorId, toolName }: FiledEvent, seq: number): void {
    this.#add(this.#tenant, 'tenant', tenantId, seq)
    this.#addSession(sessionId, tenantId, seq)
    this.#add(this.#type, 'type', type, seq)
    if (runId !== undefined) this.#add(this.#run, 'run', runId, seq)
    if (parentRunId !== undefined && type.startsWith('run_')) this.#add(this.#parent, 'parent', parentRunId, seq)
    if (agent?.id !== undefined) this.#add(this.#agent, 'agent', agent.id, seq)
    if (agent?.name !== undefined && agent.name !== agent.id) this.#add(this.#agent, 'agent', agent.name, seq)
    if (actorId !== undefined) this.#add(this.#actor, 'actor', actorId, seq)
    if (toolName !== undefined) this.#add(this.#tool, 'tool', toolName, seq)
  }

  #add(sums: PostingSums, index: IndexName, name: string, seq: number): void {
    const known = this.#known[index]
    let state = known.get(name)
    if (state === undefined) {
      state = sums.stateOf(valueKey(index, [this.#hashes.of(name)]))
      if (known.size >= MAX_KEPT) known.clear()
      known.set(name, state)
    }
    sums.addOne(state, seq)
  }

  #addSession(sessionId: string, tenantId: string, seq: number): void {
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
    this.#session.addOne(state, seq)
  }
}
