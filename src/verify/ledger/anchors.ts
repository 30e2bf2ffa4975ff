import { STATUSES, type VerifyReport } from '../report.js'
import type { LogTree } from './compare-siblings.js'
import type { SiblingNote } from './sibling-notes.js'

/** A log that was verified, and its tree as far as it can be read. */
export interface AnchoredLog {
  readonly number: number
  readonly report: VerifyReport
  /** Opens its tree; `undefined` where it is damaged. */
  openTree(): Promise<(LogTree & { close(): Promise<void> }) | undefined>
}

/**
 * Finds out which logs are vouched for by what others noted of them: a note stands for a checkpoint that was kept elsewhere, where
 * such a checkpoint covers the entry of the note itself, and the log has the root that was noted. What it vouches for may
 * hold notes in turn.
 *
 *     checkpoint kept elsewhere ──▶ log 0 ─ entry 17: "log 2 had 40 entries with this root" ──▶ log 2
 *
 * @returns by the numbers of logs for which no such checkpoint was kept: how many of their entries are vouched for
 */
export async function anchoredByNotes(
  logs: readonly AnchoredLog[],
  notes: readonly SiblingNote[],
): Promise<ReadonlyMap<number, number>> {
  const anchored = new Map(logs.map(({ number, report }) => [number, report.basis.anchoredSize]))
  const found = new Map<number, number>()
  for (let isNew = true; isNew; ) {
    isNew = false
    for (const log of logs) {
      if (anchored.get(log.number) !== 0) continue
      const told = notes.filter(({ log: about, notedBy, seq }) => {
        return about === log.number && seq < (anchored.get(notedBy) ?? 0)
      })
      const size = await largestBorneOut(log, told)
      if (size === 0) continue
      anchored.set(log.number, size)
      found.set(log.number, size)
      isNew = true
    }
  }
  return found
}

/** Returns a report without the problem that nothing from outside vouches for the log. */
export function withoutMissingAnchor<R extends VerifyReport>(report: R): R {
  const problems = report.problems.filter(({ kind }) => kind !== 'anchor_missing')
  const status = STATUSES.find((each) => problems.some((problem) => problem.status === each)) ?? 'verified'
  return { ...report, problems, status }
}

/** Returns the largest size of which the log has the root that was noted; 0 for none. */
async function largestBorneOut({ openTree }: AnchoredLog, notes: readonly SiblingNote[]): Promise<number> {
  if (notes.length === 0) return 0
  const tree = await openTree()
  try {
    for (const { size, root } of notes.toSorted((one, other) => other.size - one.size)) {
      if (!tree || size > tree.size) continue
      const own = await tree.rootAt(size)
      if (own && Buffer.compare(own, root) === 0) return size
    }
    return 0
  } finally {
    await tree?.close()
  }
}
