import { sameHash, TreeFrontier } from '../../tree/index.js'
import type { JournalPosition } from '../contract.js'
import { openBlocks, type TimeBlock } from '../time-blocks.js'
import { corrupt } from './errors.js'
import type { Ask } from './server.js'
import { StoredTiles } from './stored-tiles.js'

/** The row of a log: its end. */
export interface HeadState {
  readonly size: number
  readonly root: Uint8Array
  /** Counts what was done to the log: each commit, and each opening to write. */
  readonly version: number
  readonly checkpoint: string | undefined
}

/** The state of a log that the next commit builds on. */
export interface Head extends HeadState {
  readonly tree: TreeFrontier
  /** The last time block of each level. */
  readonly timeBlocks: readonly TimeBlock[]
}

/** The marks of the latest commit of a writer, see `CommitMarks`. */
export interface WriterState {
  readonly journal: JournalPosition | undefined
  readonly closed: boolean
}

interface HeadRow {
  readonly size: string
  readonly root: Buffer
  readonly version: string
  readonly checkpoint: string | null
}

export const EMPTY_HEAD: Head = {
  size: 0,
  root: TreeFrontier.empty.root,
  version: 0,
  checkpoint: undefined,
  tree: TreeFrontier.empty,
  timeBlocks: [],
}

/** A log of a database. */
export interface FoundLog {
  /** Its number in this database. */
  readonly log: number
  /** See `AuditStore.id`. */
  readonly uid: string
}

/** Finds a log; `undefined` when there is no log of this id that this role may read. */
export async function findLog(ask: Ask, logId: string): Promise<FoundLog | undefined> {
  const [row] = await ask<FoundLog>('select log, uid from spanledger.log where id = $1', [logId])
  return row
}

/** @param lock - until the end of the transaction nobody else may append */
export async function readHeadState(ask: Ask, log: number, lock: 'lock' | 'no lock'): Promise<HeadState | undefined> {
  const from = lock === 'lock' ? 'spanledger.lock_log($1)' : 'spanledger.log where log = $1'
  const [row] = await ask<HeadRow>(`select size, root, version, checkpoint from ${from}`, [log])
  return row && headState(row)
}

function headState({ size, root, version, checkpoint }: HeadRow): HeadState {
  // Attacker-controlled: a row of the database; the tree is restored from its tiles and compared with the root.
  return { size: Number(size), root, version: Number(version), checkpoint: checkpoint ?? undefined }
}

/** Reads what a commit needs besides the state of the head, unless it is that of `known`. */
export async function loadHead(
  ask: Ask,
  { log, location }: { readonly log: number; readonly location: string },
  state: HeadState,
  known: Head,
): Promise<Head> {
  if (state.size === known.size) {
    if (!sameHash(state.root, known.root))
      throw corrupt(location, `its tree of ${state.size} entries was another before`)
    return { ...known, ...state }
  }
  const tree = await TreeFrontier.restore(state.size, new StoredTiles(ask, log))
  if (!sameHash(tree.root, state.root)) throw corrupt(location, 'its tree does not have the root of its head')
  const timeBlocks = await readOpenBlocks(ask, log, state.size)
  for (const { level, block } of openBlocks(state.size)) {
    if (timeBlocks.some((found) => found.level === level && found.block === block)) continue
    throw corrupt(location, `time block ${block} of level ${level} is missing`)
  }
  return { ...state, tree, timeBlocks }
}

/** The time blocks that further entries would widen: those that are there. */
export async function readOpenBlocks(ask: Ask, log: number, size: number): Promise<readonly TimeBlock[]> {
  // Attacker-controlled: rows of the database; as many as the log has levels.
  const open = openBlocks(size)
  const blocks = await ask<{ level: number; block: string; min: string; max: string }>(
    `select level, block, min, max from spanledger.time_block
       where log = $1 and (level, block) in (select * from unnest($2::smallint[], $3::bigint[])) order by level`,
    [log, open.map(({ level }) => level), open.map(({ block }) => block)],
  )
  return blocks.map(({ level, block, min, max }) => ({ level, block: Number(block), min, max }))
}
