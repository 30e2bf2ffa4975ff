import type { IndexName, SealedEntry } from './contract.js'

/** The positions that one group files under one value of one index, ascending, each once. */
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
}

/** What a group of entries, stored from `firstSeq` on, files in every index. */
export function postingsOf(entries: readonly SealedEntry[], firstSeq: number): readonly Posting[] {
  const postings: Posting[] = []
  const tenants = new Map<string, Posting>()
  const sessionsOfTenant = new Map<string, Map<string, Posting>>()
  const runs = new Map<string, Posting>()
  const types = new Map<string, Posting>()
  const agents = new Map<string, Posting>()
  const parents = new Map<string, Posting>()

  const file = (filed: Map<string, Posting>, index: IndexName, seq: number, first: string, second?: string) => {
    const known = filed.get(first)
    if (known) {
      known.seqs.push(seq)
      return
    }
    const posting = { index, value: second === undefined ? [first] : [first, second], seqs: [seq] }
    filed.set(first, posting)
    postings.push(posting)
  }

  let seq = firstSeq
  for (const { event } of entries) {
    const { type, tenantId, sessionId, runId, parentRunId, agent } = event
    let sessions = sessionsOfTenant.get(tenantId)
    if (!sessions) {
      sessions = new Map()
      sessionsOfTenant.set(tenantId, sessions)
    }
    file(tenants, 'tenant', seq, tenantId)
    file(sessions, 'session', seq, sessionId, tenantId)
    file(types, 'type', seq, type)
    if (runId !== undefined) file(runs, 'run', seq, runId)
    if (parentRunId !== undefined && type.startsWith('run_')) file(parents, 'parent', seq, parentRunId)
    if (agent?.id !== undefined) file(agents, 'agent', seq, agent.id)
    if (agent?.name !== undefined && agent.name !== agent.id) file(agents, 'agent', seq, agent.name)
    seq++
  }
  return postings
}
