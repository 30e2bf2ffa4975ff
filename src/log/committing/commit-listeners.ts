import type { AuditStore } from '../../store/contract.js'
import type { Checkpointer } from '../checkpoints/checkpointer.js'
import type { AppendResult } from '../contract.js'
import type { HeadFile } from '../journal/head-file.js'
import type { Journal } from '../journal/journal.js'
import type { WriteAhead } from '../journal/write-ahead.js'
import type { LogEmitter } from '../log-emitter.js'
import type { CommitListener } from './commit-loop.js'
import type { CommitQueue } from './commit-queue.js'
import { gapEmitter } from './recorded-gaps.js'

/** The side of a journal that commits see. */
interface CommittedJournal extends Pick<WriteAhead, 'settled' | 'check'> {
  readonly journal: Pick<Journal, 'read' | 'listed' | 'settled' | 'release'>
}

/** The side of a checkpointer that commits see. */
type CommittedCheckpoints = Pick<Checkpointer, 'unstored' | 'stored' | 'committed'>

/**
 * Returns the journal's part in commits: it is written before the store is, and released behind that. The store never gets
 * a journal position up to which the journal is not written yet, since recovery would miss what is not there.
 */
export function journalCommits(
  writeAhead: CommittedJournal,
  queue: Pick<CommitQueue<AppendResult>, 'load'>,
): CommitListener {
  const { journal } = writeAhead
  return {
    async prepare(group) {
      await writeAhead.settled()
      if (group.span) queue.load(group, await journal.read(group.span))
      writeAhead.check()
      await journal.listed
      return { journal: group.end && journal.settled(group.end) }
    },
    committed({ marks }) {
      if (marks.journal) journal.release(marks.journal)
    },
  }
}

/** Returns the part of checkpoints in commits: the newest goes into the store, and the next one covers what was committed. */
export function checkpointCommits(checkpointer: CommittedCheckpoints, store: Pick<AuditStore, 'root'>): CommitListener {
  return {
    prepare: () => ({ checkpoint: checkpointer.unstored }),
    committed({ marks, size, lastLeaf }) {
      if (marks.checkpoint !== undefined) checkpointer.stored(marks.checkpoint)
      if (lastLeaf) checkpointer.committed(size, store.root)
    },
  }
}

/** Returns the part of the head file in commits: it gets how far the log has grown. */
export function headCommits(head: Pick<HeadFile, 'write'>): CommitListener {
  return {
    committed({ size, lastLeaf }) {
      if (lastLeaf) head.write(size, lastLeaf)
    },
  }
}

/** Returns the part of listeners in commits: they get the gaps that are on record from then on. */
export function gapCommits(emitter: LogEmitter, location: string, origin: string): CommitListener {
  const observe = gapEmitter(emitter, location)
  return { committed: ({ entries }) => observe(entries, origin) }
}
