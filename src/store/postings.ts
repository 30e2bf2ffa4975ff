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
  const sessions = new Map<string, Posting>()
  const runs = new Map<string, Posting>()
  const types = new Map<string, Posting>()
  const agents = new Map<string, Posting>()
  const parents = new Map<string, Posting>()

  const file = (filed: Map<string, Posting>, index: IndexName, key: string, first: string, second?: string) => {
    let posting = filed.get(key)
    if (!posting) {
      posting = { index, value: second === undefined ? [first] : [first, second], seqs: [] }
      filed.set(key, posting)
      postings.push(posting)
    }
    return posting.seqs
  }

  let seq = firstSeq
  for (const { event } of entries) {
    const { tenantId, sessionId, runId, parentRunId, agent } = event
    file(tenants, 'tenant', tenantId, tenantId).push(seq)
    // The length in front keeps ('a', 'bc') and ('ab', 'c') apart.
    file(sessions, 'session', `${sessionId.length}:${sessionId}${tenantId}`, sessionId, tenantId).push(seq)
    file(types, 'type', event.type, event.type).push(seq)
    if (runId !== undefined) file(runs, 'run', runId, runId).push(seq)
    if (parentRunId !== undefined && event.type.startsWith('run_')) {
      file(parents, 'parent', parentRunId, parentRunId).push(seq)
    }
    const { id, name } = agent ?? {}
    if (id !== undefined) file(agents, 'agent', id, id).push(seq)
    if (name !== undefined && name !== id) file(agents, 'agent', name, name).push(seq)
    seq++
  }
  return postings
}
