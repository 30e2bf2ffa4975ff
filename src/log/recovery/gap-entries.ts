import { type HrTime, type Timestamp, timestampFromMillis } from '../../events/time.js'
import type { SealedEntry } from '../../store/contract.js'
import { type Gap, gapEvent } from '../committing/gaps.js'
import type { DropReason } from '../contract.js'
import type { JournalGap } from '../journal/journal-gaps.js'
import { Sealer } from '../sealing/seal.js'

/** Seals the entry for a part of the journal that cannot be read. */
export function gapEntry({ reason, count, before, after }: JournalGap, origin: string): SealedEntry {
  const at = after?.recordedAt ?? before?.recordedAt ?? timestampFromMillis(Date.now())
  return sealedGap(reason, { count, from: before?.recordedAt ?? at, to: at }, origin)
}

/** Seals the entry for a gap, as of the time at which it was: what follows in the journal is older than now. */
export function sealedGap(reason: DropReason, gap: Gap, origin: string): SealedEntry {
  return new Sealer(() => hrTimeOf(gap.to), origin).sealStatement(gapEvent(reason, gap)).entry
}

function hrTimeOf(time: Timestamp): HrTime {
  return [Date.parse(`${time.slice(0, 19)}Z`) / 1000, Number(time.slice(20, 29))]
}
