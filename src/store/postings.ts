import type { FiledEntry, FiledEvent } from './filed-event.js'

/**
 * The names of the indexes. A value is a tuple of strings: `session` [sessionId, tenantId] · `run` [runId] · `type`
 * [type] · `agent` [id or name] · `tenant` [tenantId] · `parent` [parentRunId], of the events that begin or end a run
 * (their types start with `run_`) · `actor` [actorId] · `tool` [toolName] · `superseding` [runId], of the events that
 * supersede another one
 */
export type IndexName = 'session' | 'run' | 'type' | 'agent' | 'tenant' | 'parent' | 'actor' | 'tool' | 'superseding'

/** Positions under one value of one index, ascending, each once. */
export interface Posting {
  readonly index: IndexName
  readonly value: readonly string[]
  readonly seqs: number[]
}

/** The number of parts of a full value of each index. */
export const INDEX_ARITY: Readonly<Record<IndexName, number>> = {
  session: 2,
  run: 1,
  type: 1,
  agent: 1,
  tenant: 1,
  parent: 1,
  actor: 1,
  tool: 1,
  superseding: 1,
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
    superseding: new Map(),
  }
  readonly #sessionsOfTenant = new Map<string, Filed>()
  readonly #all: Posting[] = []
  /** The postings of what entries share, by the object that stands for it. */
  readonly #ofScopes = new Map<object, readonly Posting[]>()

  /** All postings, each value once. */
  get all(): readonly Posting[] {
    return this.#all
  }

  add({ event }: FiledEntry, seq: number): void {
    const { type, runId, parentRunId, toolName, supersedes, scope } = event
    let shared = scope && this.#ofScopes.get(scope)
    if (!shared) {
      shared = this.#postingsOf(event)
      if (scope) this.#ofScopes.set(scope, shared)
    }
    for (let at = 0; at < shared.length; at++) shared[at]?.seqs.push(seq)
    this.#posting(this.#byIndex.type, 'type', type).seqs.push(seq)
    if (parentRunId !== undefined && type.startsWith('run_')) {
      this.#posting(this.#byIndex.parent, 'parent', parentRunId).seqs.push(seq)
    }
    if (toolName !== undefined) this.#posting(this.#byIndex.tool, 'tool', toolName).seqs.push(seq)
    if (supersedes !== undefined && runId !== undefined) {
      this.#posting(this.#byIndex.superseding, 'superseding', runId).seqs.push(seq)
    }
  }

  /** Returns the postings of an event by what events of its scope share. */
  #postingsOf({ tenantId, sessionId, runId, agent, actorId }: FiledEvent): readonly Posting[] {
    const byIndex = this.#byIndex
    let sessions = this.#sessionsOfTenant.get(tenantId)
    if (!sessions) {
      sessions = new Map()
      this.#sessionsOfTenant.set(tenantId, sessions)
    }
    const postings = [
      this.#posting(byIndex.tenant, 'tenant', tenantId),
      this.#posting(sessions, 'session', sessionId, tenantId),
    ]
    if (runId !== undefined) postings.push(this.#posting(byIndex.run, 'run', runId))
    if (agent?.id !== undefined) postings.push(this.#posting(byIndex.agent, 'agent', agent.id))
    if (agent?.name !== undefined && agent.name !== agent.id) {
      postings.push(this.#posting(byIndex.agent, 'agent', agent.name))
    }
    if (actorId !== undefined) postings.push(this.#posting(byIndex.actor, 'actor', actorId))
    return postings
  }

  /** Returns the postings under every value of an index that starts with these parts. */
  find(index: IndexName, [first, second]: readonly string[]): readonly Posting[] {
    if (first === undefined) return this.#all.filter((posting) => posting.index === index)
    if (index !== 'session') return present(this.#byIndex[index].get(first))
    if (second !== undefined) return present(this.#sessionsOfTenant.get(second)?.get(first))
    return [...this.#sessionsOfTenant.values()].flatMap((sessions) => present(sessions.get(first)))
  }

  #posting(filed: Filed, index: IndexName, first: string, second?: string): Posting {
    const known = filed.get(first)
    if (known) return known
    const posting = { index, value: second === undefined ? [first] : [first, second], seqs: [] }
    filed.set(first, posting)
    this.#all.push(posting)
    return posting
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
