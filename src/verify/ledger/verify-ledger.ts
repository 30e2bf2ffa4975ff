import { parseCheckpoint, parseNote, type Verifier, verifierFromVkey } from '../../checkpoint/index.js'
import { checkVerifyOptions, type VerifyOptions } from '../options.js'
import { Problems } from '../problems.js'
import { type LedgerLogReport, type LedgerReport, STATUSES } from '../report.js'
import type { LogSource } from '../source.js'
import { type TakenFromLog, type VerifiedLog, verifyHearing } from '../verify-log.js'
import { anchoredByNotes, withoutMissingAnchor } from './anchors.js'
import { CheckpointsByOrigin } from './checkpoints.js'
import { compareSiblings, type LogTree } from './compare-siblings.js'
import { Joinings } from './joining.js'
import { type SiblingNote, SiblingNotes } from './sibling-notes.js'

/** One of the logs of a ledger, which is there. */
export interface LedgerLog {
  readonly number: number
  /** Opens it to be verified. */
  open(): Promise<LogSource>
  /** Opens its tree as it is now; `undefined` where it is damaged, which verifying it has told. */
  openTree(): Promise<OpenLogTree | undefined>
}

export interface OpenLogTree extends LogTree {
  close(): Promise<void>
}

/** A ledger that is to be verified. */
export interface LedgerToVerify {
  /** Its name in messages. */
  readonly location: string
  /** Those that are there, by number. */
  readonly logs: readonly LedgerLog[]
  /** The parts of the options that the user took from the ledger itself. */
  readonly taken: TakenFromLog
}

/**
 * Verifies the logs of a ledger one after the other, and each against what the others noted of it.
 *
 * The key of log 0 is that of the ledger: it is the one that has to be known from elsewhere. The key of a further log is
 * trusted where log 0's signed for it, see `joining`. Notes are compared last, with each log as it is by then: a writer
 * may have gone on.
 *
 * @throws what `verifyLog` throws
 */
export async function verifyLedger(
  { location, logs, taken }: LedgerToVerify,
  options: VerifyOptions,
): Promise<LedgerReport> {
  checkVerifyOptions(options)
  const first = logs.find(({ number }) => number === 0)
  // A single log is given all checkpoints, and tells itself of those that are another's.
  const isSingle = first !== undefined && logs.length === 1
  const verifying = new LedgerVerifying(taken, isSingle ? { ...options, checkpoints: [] } : options)
  if (first) await verifying.verifyFirst(first, isSingle, options.checkpoints)
  for (const log of logs) if (log.number !== 0) await verifying.verifyFurther(log)
  // What log 1 of a ledger noted of others says nothing where it lies alone, as in a copy of it.
  if (!(isSingle && verifying.firstHasJoined)) await verifying.compareNotes(logs)
  if (options.strict) await verifying.anchor(logs)
  return verifying.report(location)
}

/** A log that was verified, and its number. */
interface Verified extends VerifiedLog {
  readonly number: number
}

class LedgerVerifying {
  readonly #taken: TakenFromLog
  readonly #options: VerifyOptions
  readonly #problems = new Problems()
  readonly #checkpoints: CheckpointsByOrigin
  readonly #verified = new Map<number, Verified>()
  readonly #notes: SiblingNote[] = []
  /** Keys of the ledger. */
  #keys: readonly Verifier[]
  #firstHasJoined = false

  constructor(taken: TakenFromLog, options: VerifyOptions) {
    this.#taken = taken
    this.#options = options
    this.#checkpoints = new CheckpointsByOrigin(options.checkpoints ?? [], this.#problems)
    this.#keys = (options.vkeys ?? []).map(verifierFromVkey)
  }

  /** Tells if the log in the place of log 0 says that it joined a ledger, and so is another one. */
  get firstHasJoined(): boolean {
    return this.#firstHasJoined
  }

  /**
   * Verifies log 0, whose keys are those of the ledger.
   *
   * @param isSingle - there is no other: then it may be one of a ledger that lies alone, and is verified by its own key
   * @param checkpoints - all that there are; what a single log is given
   */
  async verifyFirst(log: LedgerLog, isSingle: boolean, checkpoints?: readonly string[]): Promise<void> {
    await this.#withSource(log, async (source) => {
      const { vkeys = source.vkey === undefined ? [] : [source.vkey] } = this.#options
      const origin = this.#options.origin ?? (vkeys[0] === undefined ? undefined : verifierFromVkey(vkeys[0]).name)
      const joinings = new Joinings([], origin)
      const options = { ...this.#options, checkpoints: (isSingle && checkpoints) || this.#checkpoints.take(origin) }
      const verified = await this.#verify(log.number, source, { taken: this.#taken, options, joinings })
      this.#keys = verified.keys
      this.#firstHasJoined = joinings.isStated
      if (joinings.isStated && !isSingle) this.#addMisplaced(0, origin, 'it joined the ledger with another number')
    })
  }

  /** Verifies a log that has a key of its own, for which one of the ledger has to vouch. */
  async verifyFurther(log: LedgerLog): Promise<void> {
    const { number } = log
    await this.#withSource(log, async (source) => {
      const origin = statedOrigin(source)
      const joinings = new Joinings(this.#keys, origin)
      const isFirst = this.#keys.some(({ name }) => name === origin)
      if (isFirst) this.#addMisplaced(number, origin, 'that is the name of log 0')
      const given = isFirst ? [] : (this.#options.vkeys ?? [])
      const options: VerifyOptions = {
        ...this.#options,
        checkpoints: this.#checkpoints.take(origin),
        // The key beside the log is not trusted: the ledger's vouches for it, or whoever verifies knows it.
        vkeys: given.filter((vkey) => verifierFromVkey(vkey).name === origin),
        ...(origin !== undefined && { origin }),
      }
      const taken = { ...this.#taken, keys: this.#options.vkeys === undefined || this.#taken.keys === true }
      await this.#verify(number, source, { taken, options, joinings })
      const others = joinings.valid.filter((joining) => joining.number !== number)
      if (others[0]) this.#addMisplaced(number, origin, `it joined the ledger as log ${others[0].number}`)
      if (!isFirst && joinings.valid.length === 0 && options.vkeys?.length === 0) this.#addUnjoined(number, joinings)
    })
  }

  /** Compares each log with what the others noted of it. */
  async compareNotes(logs: readonly LedgerLog[]): Promise<void> {
    const isProven = ({ notedBy, seq }: SiblingNote) => seq < (this.#verified.get(notedBy)?.report.provenSize ?? 0)
    const numbers = [...new Set(this.#notes.map(({ log }) => log))].sort((one, other) => one - other)
    for (const number of numbers) {
      const log = logs.find((each) => each.number === number)
      const tree = await log?.openTree()
      // It is damaged, and the report of the log says so.
      if (log && !tree) continue
      const { origin, keys = number === 0 ? this.#keys : [] } = this.#verified.get(number) ?? {}
      const notes = this.#notes.filter((note) => note.log === number)
      try {
        await compareSiblings({ number, origin, keys, tree }, notes, isProven, this.#problems)
      } finally {
        await tree?.close()
      }
    }
    // A ledger begins with log 0, whatever the others noted of it.
    const isTold = this.#problems.all.some(({ kind, log }) => kind === 'sibling_missing' && log === 0)
    if (isTold || logs.some(({ number }) => number === 0)) return
    this.#problems.add('altered', 'sibling_missing', 'log 0 is not there, and there was one before any other', {
      log: 0,
    })
  }

  /** Lets notes vouch for the logs of which no checkpoint was kept elsewhere. */
  async anchor(logs: readonly LedgerLog[]): Promise<void> {
    const verified = logs.flatMap(({ number, openTree }) => {
      const one = this.#verified.get(number)
      return one ? [{ number, report: one.report, openTree }] : []
    })
    for (const [number, anchoredSize] of await anchoredByNotes(verified, this.#notes)) {
      const one = this.#verified.get(number) as Verified
      const report = withoutMissingAnchor({ ...one.report, basis: { ...one.report.basis, anchoredSize } })
      this.#verified.set(number, { ...one, report })
    }
  }

  report(location: string): LedgerReport {
    this.#checkpoints.addLeft(this.#problems)
    const logs = [...this.#verified.values()].map(({ number, report }): LedgerLogReport => ({ log: number, ...report }))
    const statuses = [this.#problems.status, ...logs.map(({ status }) => status)]
    const status = STATUSES.find((each) => statuses.includes(each)) ?? 'verified'
    return { status, location, logs, problems: this.#problems.all }
  }

  async #withSource(log: LedgerLog, use: (source: LogSource) => Promise<void>): Promise<void> {
    const source = await log.open()
    try {
      await use(source)
    } finally {
      await source.close()
    }
  }

  async #verify(number: number, source: LogSource, { taken, options, joinings }: ToVerify): Promise<VerifiedLog> {
    const notes = new SiblingNotes(number)
    const verified = await verifyHearing(taken, source, options, {
      onStatement: ({ seq, type, data }) => {
        if (type === 'siblings_noted') notes.add(seq, data)
        else if (type === 'ledger_joined') joinings.add(data)
      },
      vkeys: () => [...new Set(joinings.valid.map(({ vkey }) => vkey))],
    })
    this.#notes.push(...notes.all)
    this.#verified.set(number, { ...verified, number })
    return verified
  }

  #addMisplaced(number: number, origin: string | undefined, what: string): void {
    const message = `the log '${origin}' lies in the place of log ${number}, and ${what}`
    this.#problems.add('altered', 'log_misplaced', message, { log: number })
  }

  #addUnjoined(number: number, { isStated, reason }: Joinings): void {
    if (isStated) {
      const message = `log ${number} says that it joined the ledger, but ${reason}`
      this.#problems.add('unknown_key', 'join_unproven', message, { log: number })
    } else {
      const message = `log ${number} does not say that it joined the ledger: no key of the ledger vouches for it`
      this.#problems.add('unknown_key', 'join_missing', message, { log: number })
    }
  }
}

interface ToVerify {
  readonly taken: TakenFromLog
  readonly options: VerifyOptions
  readonly joinings: Joinings
}

/** Returns the name that a log has by its checkpoints. It may be anybody's word: a key of that name must bear it out. */
function statedOrigin({ checkpoints, vkey, defaultOrigin }: LogSource): string | undefined {
  for (const { note } of checkpoints.toReversed()) {
    try {
      return parseCheckpoint(parseNote(note).text).origin
    } catch {
      // Verifying the log tells of it.
    }
  }
  return vkey?.split('+')[0] || defaultOrigin
}
