import { problem } from '../problems.js'
import type { VerifyProblem } from '../report.js'
import type { Check } from './check.js'
import { checkpointsHold, coversMissingEntries } from './checkpoint-checks.js'
import { contentIntact } from './content-checks.js'
import { STRICT_CHECKS } from './strict-checks.js'

/** Every checkpoint can be parsed. */
const checkpointsWellFormed: Check = {
  name: 'checkpointsWellFormed',
  check({ refused }) {
    return refused.flatMap(({ source, because, reason }): VerifyProblem[] =>
      because === 'malformed' ? [problem('altered', 'checkpoint_altered', `${source} is malformed: ${reason}`)] : [],
    )
  },
}

/** Every checkpoint states the origin of the log. */
const checkpointsOfLog: Check = {
  name: 'checkpointsOfLog',
  check({ refused }) {
    return refused.flatMap(({ source, because, reason }): VerifyProblem[] =>
      because === 'of another log' ? [problem('unknown_key', 'key_unknown', `${source} is ${reason}`)] : [],
    )
  },
}

/** No checkpoint was removed from beside the log. */
const checkpointBesideLog: Check = {
  name: 'checkpointBesideLog',
  check({ missingCheckpoint }) {
    if (missingCheckpoint === undefined) return []
    const message = `${missingCheckpoint} is gone, and there was one: it may have covered more`
    return [problem('truncated', 'checkpoint_missing', message)]
  },
}

/** The entries that were committed behind the last checkpoint are there. A checkpoint that covers them proves more. */
const committedEntriesPresent: Check = {
  name: 'committedEntriesPresent',
  check({ statedSize, inspection: { size }, checkpoints }) {
    if (statedSize === undefined || statedSize <= size || checkpoints.some(coversMissingEntries)) return []
    const message = `${statedSize} entries were committed, of which the last ${statedSize - size} are not there`
    const entries = [{ from: size, to: statedSize }]
    return [problem('truncated', 'truncated', message, { count: statedSize - size, entries })]
  },
}

/** Each change of keys is signed by the key before. */
const keyChangesProven: Check = {
  name: 'keyChangesProven',
  check({ keys }) {
    const { count, reason, spans } = keys.unproven
    if (count === 0) return []
    const message = count === 1 ? reason : `${reason}, and ${count - 1} more`
    return [problem('unknown_key', 'key_change_unproven', message, { count, entries: spans })]
  },
}

/** There is a checkpoint to compare the log with. */
const checkpointPresent: Check = {
  name: 'checkpointPresent',
  check({ checkpoints, refused }) {
    if (checkpoints.length + refused.length > 0) return []
    const message = 'there is no checkpoint: nothing says what the log should be'
    return [problem('unknown_key', 'checkpoint_missing', message)]
  },
}

/** The log does not state that it was opened after a rollback. */
const neverDiverged: Check = {
  name: 'neverDiverged',
  check({ inspection }) {
    const { entries: count, spans } = inspection.statements.diverged
    if (count === 0) return []
    const message = `the log was opened though it did not continue what was known of it, by entry ${spans[0]?.from}`
    return [problem('truncated', 'rolled_back', message, { count, entries: spans })]
  },
}

/** The log does not state that it lost events. */
const nothingDropped: Check = {
  name: 'nothingDropped',
  check({ inspection }) {
    const { entries, events, spans } = inspection.statements.dropped
    if (entries === 0) return []
    const message = `${events} events could not be recorded, as ${entries} entries say`
    return [problem('incomplete', 'events_dropped', message, { count: events, entries: spans })]
  },
}

/** The checks of a log. Problems of one status are reported in this order. */
export const CHECKS: readonly Check[] = [
  checkpointsWellFormed,
  checkpointsOfLog,
  checkpointsHold,
  checkpointBesideLog,
  committedEntriesPresent,
  contentIntact,
  keyChangesProven,
  checkpointPresent,
  neverDiverged,
  nothingDropped,
  ...STRICT_CHECKS,
]
