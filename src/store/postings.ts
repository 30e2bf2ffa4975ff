import type { IndexName } from './contract.js'
import type { FiledEntry } from './stored-indexes.js'

/** Positions under one value of one index, ascending, each once. */
export interface Posting {
  readonly index: IndexName
  readonly value: readonly string[]
  readonly seqs: number[]
}

/** How many parts a full value of each index has. */
export const INDEX_ARITY: Readonly<Record<IndexName, number>> = {
  session: 2,
  run: 1,
  type: 1,
  agent: 1,
  tenant: 1,
  parent: 1,
  actor: 1,
  tool: 1,
}

type Filed = Map<string, Posting>

/** The postings of consecutive entries in every index. */
export class PostingTable {
  readonly #byIndex: Readonly<Record<Exclude<IndexName, 'session'>, Filed>> = {
    run: new Map(),
    type: new Map(),
    agent: new Map(),
    tenant: new Map(),
    parent: new Map(),
    actor: new Map(),
    tool: new Map(),
  }
  readonly #sessionsOfTenant = new Map<string, Filed>()
  readonly #all: Posting[] = []

  /** All postings, each value once. */
  get all(): readonly Posting[] {
    return this.#all
  }

  add({ event }: FiledEntry, seq: number): void {
    const { type, tenantId, sessionId, runId, parentRunId, agent, actorId, toolName } = event
    const byIndex = this.#byIndex
    let sessions = this.#sessionsOfTenant.get(tenantId)
    if (!sessions) {
      sessions = new Map()
      this.#sessionsOfTenant.set(tenantId, sessions)
    }
    this.#file(byIndex.tenant, 'tenant', seq, tenantId)
    this.#file(sessions, 'session', seq, sessionId, tenantId)
    this.#file(byIndex.type, 'type', seq, type)
    if (runId !== undefined) this.#file(byIndex.run, 'run', seq, runId)
    if (parentRunId !== undefined && type.startsWith('run_')) this.#file(byIndex.parent, 'parent', seq, parentRunId)
    if (agent?.id !== undefined) this.#file(byIndex.agent, 'agent', seq, agent.id)
    if (agent?.name !== undefined && agent.name !== agent.id) this.#file(byIndex.agent, 'agent', seq, agent.name)
    if (actorId !== undefined) this.#file(byIndex.actor, 'actor', seq, actorId)
    if (toolName !== undefined) this.#file(byIndex.tool, 'tool', seq, toolName)
  }

  /** Returns the postings under every value of an index that starts with these parts. */
  find(index: IndexName, [first, second]: readonly string[]): readonly Posting[] {
    if (first === undefined) return this.#all.filter((posting) => posting.index === index)
    if (index !== 'session') return present(this.#byIndex[index].get(first))
    if (second !== undefined) return present(this.#sessionsOfTenant.get(second)?.get(first))
    return [...this.#sessionsOfTenant.values()].flatMap((sessions) => present(sessions.get(first)))
  }

  #file(filed: Filed, index: IndexName, seq: number, first: string, second?: string): void {
    const known = filed.get(first)
    if (known) {
      known.seqs.push(seq)
      return
    }
    const posting = { index, value: second === undefined ? [first] : [first, second], seqs: [seq] }
    filed.set(first, posting)
    this.#all.push(posting)
  }
}

function present(posting: Posting | undefined): readonly Posting[] {
  return posting ? [posting] : []
}

/** Returns what a group of entries, stored from `firstSeq` on, files in every index. */
export function postingsOf(entries: readonly FiledEntry[], firstSeq: number): readonly Posting[] {
  const table = new PostingTable()
  for (let at = 0; at < entries.length; at++) table.add(entries[at] as FiledEntry, firstSeq + at)
  return table.all
}
