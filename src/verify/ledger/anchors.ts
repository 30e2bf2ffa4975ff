import type { LedgerLog } from './ledger.js'
import type { VerifiedMember } from './ledger-evidence.js'
import type { SiblingObservation } from './sibling-observations.js'

/**
 * Finds the logs for which others vouch by their observations. An observation counts as a checkpoint that was kept
 * elsewhere, where such a checkpoint covers its entry, and the log has the root that was observed.
 * A log that is vouched for may hold observations in turn.
 *
 *     checkpoint kept elsewhere ──▶ log 0 ─ entry 17: "log 2 had 40 entries with this root" ──▶ log 2
 *
 * @returns by the numbers of logs for which no such checkpoint was kept: how many of their entries are vouched for
 */
export async function anchoredByObservations(
  logs: readonly LedgerLog[],
  members: readonly VerifiedMember[],
): Promise<ReadonlyMap<number, number>> {
  const observations = members.flatMap((member) => member.observations)
  const anchored = new Map(members.map(({ number, report }) => [number, report.basis.anchoredSize]))
  const found = new Map<number, number>()
  for (let isNew = true; isNew; ) {
    isNew = false
    for (const log of logs) {
      if (anchored.get(log.number) !== 0) continue
      const vouching = observations.filter(({ log: about, observedBy, seq }) => {
        return about === log.number && seq < (anchored.get(observedBy) ?? 0)
      })
      const size = await largestBorneOut(log, vouching)
      if (size === 0) continue
      anchored.set(log.number, size)
      found.set(log.number, size)
      isNew = true
    }
  }
  return found
}

/** Returns the largest size of which the log has the root that was observed; 0 for none. */
async function largestBorneOut(log: LedgerLog, observations: readonly SiblingObservation[]): Promise<number> {
  if (observations.length === 0) return 0
  const tree = await log.openTree()
  try {
    for (const { size, root } of observations.toSorted((one, other) => other.size - one.size)) {
      if (!tree || size > tree.size) continue
      const own = await tree.rootAt(size)
      if (own && Buffer.compare(own, root) === 0) return size
    }
    return 0
  } finally {
    await tree?.close()
  }
}
