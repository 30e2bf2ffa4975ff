import { RunRowFold } from '../../runs/row-fold.js'
import { decodeRow, encodeRow } from '../../runs/row-value.js'
import type { RunKey, RunRow } from '../../runs/run-row.js'
import { getMany } from '../get-many.js'
import type { NameHashes } from '../hash-key.js'
import type { Database } from '../load-level.js'
import { runRowKey } from './keys.js'
import type { IndexedEvent, IndexTail } from './tail.js'

/** Most rows of runs under way that are kept in memory between two batches. */
const MAX_KEPT = 512

/** A row as it is stored. */
export interface StoredRow {
  readonly key: Buffer
  readonly value: Buffer
}

/** A run of which a tail has events. */
interface Touched extends RunKey {
  /** Of its events in the tail, ascending. */
  readonly seqs: readonly number[]
  readonly key: Buffer
  fold: RunRowFold | undefined
}

/** Takes the events of a tail into the rows of the index, tail by tail. */
export class RunRows {
  readonly #db: Database
  readonly #hashes: NameHashes
  /** By id, the runs under way as of the last batch: most of them have events in the next one too. */
  #kept = new Map<string, Touched>()

  constructor(db: Database, hashes: NameHashes) {
    this.#db = db
    this.#hashes = hashes
  }

  /**
   * Returns the rows of the runs that a tail has events of, as they are behind it. The batch must be stored before the next
   * call.
   *
   * Folding does not wait for reading: a run that is not kept is mostly new.
   *
   * @throws RangeError when a stored row is malformed, or knows more than what precedes the tail
   */
  async behind(tail: IndexTail): Promise<readonly StoredRow[]> {
    const touched = this.#touchedBy(tail)
    const unknown = touched.filter(({ fold }) => !fold)
    const reading = getMany(this.#db, unknown.map(keyOf))
    // Awaited below: if folding fails, nobody waits for it.
    reading.catch(() => undefined)
    const values = new Map(touched.map((run) => [run, added(run, tail, run.fold ?? beginning(run, tail))]))
    for (const [at, stored] of (await reading).entries()) {
      const run = unknown[at] as Touched
      const fold = foldOf(run, stored)
      if (fold) values.set(run, added(run, tail, fold))
    }
    this.#keep(touched)
    return touched.map((run) => ({ key: run.key, value: values.get(run) as Buffer }))
  }

  #keep(touched: readonly Touched[]): void {
    this.#kept = new Map()
    for (const run of touched) {
      if (run.fold?.state.status === 'running' && this.#kept.size < MAX_KEPT) this.#kept.set(run.runId, run)
    }
  }

  #touchedBy(tail: IndexTail): readonly Touched[] {
    const touched: Touched[] = []
    for (const { value, seqs } of tail.find('run', [])) {
      const [runId = ''] = value
      const tenants = tenantsOf(tail, seqs)
      for (const tenantId of tenants) {
        const kept = this.#kept.get(runId)
        const { key, fold } = kept?.tenantId === tenantId ? kept : this.#unknown(tenantId, runId)
        touched.push({
          tenantId,
          runId,
          key,
          fold,
          seqs: tenants.size === 1 ? seqs : seqsOfTenant(tail, seqs, tenantId),
        })
      }
    }
    return touched
  }

  #unknown(tenantId: string, runId: string): Pick<Touched, 'key' | 'fold'> {
    return { key: runRowKey(this.#hashes, tenantId, runId), fold: undefined }
  }
}

/**
 * Returns the rows of these runs as of the first `size` entries: those of the database, and of what is in memory behind
 * them. `undefined` where the database is past that already, and for a run without an event.
 *
 * @throws RangeError when a stored row is malformed
 */
export async function rowsAt(
  { db, tails, hashes }: { readonly db: Database; readonly tails: readonly IndexTail[]; readonly hashes: NameHashes },
  keys: readonly RunKey[],
  size: number,
): Promise<readonly (RunRow | undefined)[]> {
  const values = await getMany(
    db,
    keys.map(({ tenantId, runId }) => runRowKey(hashes, tenantId, runId)),
  )
  return keys.map((key, at) => {
    let fold = foldOf(key, values[at])
    if (fold && fold.state.lastSeq >= size) return undefined
    for (const tail of tails) {
      const behind = { from: fold ? fold.state.lastSeq + 1 : 0, to: size }
      const seqs = seqsOfTenant(tail, tail.seqs('run', [key.runId], behind), key.tenantId)
      if (seqs.length === 0) continue
      fold ??= beginning({ ...key, seqs }, tail)
      addEvents(fold, tail, seqs)
    }
    return fold?.row()
  })
}

/** The tenants of the events at these positions: hardly ever two tenants share a run id. */
function tenantsOf(tail: IndexTail, seqs: readonly number[]): ReadonlySet<string> {
  const tenants = new Set<string>()
  let last: string | undefined
  for (const seq of seqs) {
    const { tenantId } = tail.eventAt(seq) as IndexedEvent
    if (tenantId === last) continue
    tenants.add(tenantId)
    last = tenantId
  }
  return tenants
}

function seqsOfTenant(tail: IndexTail, seqs: readonly number[], tenantId: string): readonly number[] {
  return seqs.filter((seq) => tail.eventAt(seq)?.tenantId === tenantId)
}

function keyOf({ key }: Touched): Buffer {
  return key
}

/** Adds the events of a tail to what is known of a run before it. @returns the row behind it, as it is stored */
function added(run: Touched, tail: IndexTail, fold: RunRowFold): Buffer {
  const { eventCount, lastSeq } = fold.state
  if (eventCount > 0 && lastSeq >= tail.from) {
    throw new RangeError(`The row of a run ends at ${lastSeq}, behind what the index covers`)
  }
  addEvents(fold, tail, run.seqs)
  run.fold = fold
  return encodeRow(fold.state)
}

function addEvents(fold: RunRowFold, tail: IndexTail, seqs: readonly number[]): void {
  for (const seq of seqs) {
    const event = tail.eventAt(seq)
    if (event) fold.add(seq, event)
  }
}

function foldOf({ tenantId, runId }: RunKey, value: Uint8Array | undefined): RunRowFold | undefined {
  if (!value) return undefined
  // Attacker-controlled: the row of a run; its form is checked, and it must be that of this run.
  const state = decodeRow(value)
  if (state.tenantId !== tenantId || state.runId !== runId) throw new RangeError('A row is that of another run')
  return new RunRowFold(state)
}

function beginning(run: RunKey & Pick<Touched, 'seqs'>, tail: IndexTail): RunRowFold {
  const [seq] = run.seqs
  const first = seq === undefined ? undefined : tail.eventAt(seq)
  if (seq === undefined || !first) throw new TypeError('A run is touched by no event')
  return RunRowFold.of(run, seq, first)
}
