import { dirname } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { monotonicMillis } from '../../timers/real-timers.js'
import type { ContentKeys, KeyAbsence, Subject, SubjectKey } from '../contract.js'
import { subjectText } from '../subject.js'
import { syncKeyFile } from './key-files.js'
import {
  isCreating,
  type LedgerKey,
  ledgerKeyPath,
  openOrNewLedgerKey,
  readLedgerKey,
  unwrapLedgerKey,
  whenThere,
} from './ledger-key.js'
import type { ContentKeyProvider } from './provider.js'
import { findKey, findOrCreateKey, findSubjectKey } from './subject-files.js'

/** Keys that are kept in memory. */
const MAX_KEYS = 4096
/** After a failure, nothing is tried for so long: recording is hot. */
const PAUSE_MILLIS = 5_000

export interface FileKeysOptions {
  /** Directory of the keys. */
  readonly directory: string
  readonly provider: ContentKeyProvider
  /** A reader creates nothing. */
  readonly use: 'reading' | 'writing'
  /** Called once for each state of failing. */
  readonly report?: ((problem: Error) => void) | undefined
}

/** Keys in a directory. They are opened with the first that is needed, so that a ledger without content has none. */
export class FileContentKeys implements ContentKeys {
  readonly #options: FileKeysOptions
  readonly #bySubject = new Map<string, SubjectKey>()
  readonly #byId = new Map<string, SubjectKey>()
  #ledgerKey: LedgerKey | undefined
  #opening: Promise<void> | undefined
  #unsynced: string[] = []
  #syncing: Promise<void> | undefined
  #failedAt = Number.NEGATIVE_INFINITY
  #isReported = false

  constructor(options: FileKeysOptions) {
    this.#options = options
  }

  /** Resolves when the key of the ledger is there, or cannot be had now, which is reported. Never rejects. */
  async ready(): Promise<void> {
    this.#open()
    await this.#opening
  }

  keyFor(subject: Subject): SubjectKey | undefined {
    const text = subjectText(subject)
    const known = this.#bySubject.get(text)
    if (known) return known
    const key = this.#attempt((ledgerKey) => this.#findOrCreate(ledgerKey, subject))
    if (key) remember(this.#bySubject, text, key)
    return key
  }

  keyOfSubject(subject: Subject): SubjectKey | undefined {
    const known = this.#bySubject.get(subjectText(subject))
    if (known) return known
    const { directory } = this.#options
    // It is not remembered: who records with it makes sure first that it is found by its id, too.
    return this.#attempt((ledgerKey) => findSubjectKey(directory, ledgerKey, ledgerKey.nameOf(subject)))
  }

  keyOf(id: string): SubjectKey | KeyAbsence {
    const known = this.#byId.get(id)
    if (known) return known
    const key = this.#attempt((ledgerKey) => findKey(this.#options.directory, ledgerKey, id) ?? 'erased')
    if (key === undefined || typeof key === 'string') return key ?? 'unavailable'
    remember(this.#byId, id, key)
    return key
  }

  async settled(): Promise<void> {
    while (this.#unsynced.length > 0 || this.#syncing) {
      this.#syncing ??= this.#sync()
      await this.#syncing
    }
  }

  async #sync(): Promise<void> {
    const paths = this.#unsynced
    this.#unsynced = []
    try {
      for (const path of paths) await syncKeyFile(path, this.#options.directory)
    } catch (problem) {
      this.#unsynced = [...paths, ...this.#unsynced]
      throw problem
    } finally {
      this.#syncing = undefined
    }
  }

  #findOrCreate(ledgerKey: LedgerKey, subject: Subject): SubjectKey | undefined {
    const { directory, use } = this.#options
    if (use === 'reading') return undefined
    const found = findOrCreateKey(directory, ledgerKey, ledgerKey.nameOf(subject))
    if (!found) {
      throw new AuditLogError(
        'AUDIT_KEY_INVALID',
        `A key in ${directory} is damaged, or of another ledger. Content of its subject is not recorded`,
      )
    }
    this.#unsynced.push(...found.created)
    return found.key
  }

  #attempt<T>(use: (ledgerKey: LedgerKey) => T): T | undefined {
    if (this.#ledgerKey === undefined) {
      if (this.#opening || monotonicMillis() - this.#failedAt < PAUSE_MILLIS) return undefined
      this.#open()
    }
    const ledgerKey = this.#ledgerKey
    if (!ledgerKey) return undefined
    try {
      return use(ledgerKey)
    } catch (problem) {
      this.#failed(problem)
      return undefined
    }
  }

  #open(): void {
    if (this.#ledgerKey || this.#opening) return
    const { directory, provider, use } = this.#options
    try {
      const known = use === 'reading' ? readLedgerKey(directory) : undefined
      if (use === 'reading' && !known) return
      const key = known ? unwrapLedgerKey(directory, known, provider) : openOrNewLedgerKey(directory, provider)
      const opening = whenThere(key, (ledgerKey) => {
        this.#ledgerKey = ledgerKey
        this.#isReported = false
        if (use !== 'writing') return
        // Without either nothing can be read again.
        this.#unsynced.push(ledgerKeyPath(directory))
        if (isCreating(provider) && dirname(provider.file) === directory) this.#unsynced.push(provider.file)
      })
      if (!(opening instanceof Promise)) return
      this.#opening = opening
        .catch((problem) => this.#failed(problem))
        .finally(() => {
          this.#opening = undefined
        })
    } catch (problem) {
      this.#failed(problem)
    }
  }

  #failed(problem: unknown): void {
    this.#failedAt = monotonicMillis()
    if (this.#isReported) return
    this.#isReported = true
    const cause = problem instanceof Error ? problem.message : String(problem)
    const what = `Content is not ${this.#options.use === 'writing' ? 'recorded' : 'readable'}: ${cause}`
    const code = problem instanceof AuditLogError ? problem.code : 'AUDIT_KEY_INVALID'
    this.#options.report?.(new AuditLogError(code, what, { cause: problem }))
  }
}

function remember(keys: Map<string, SubjectKey>, text: string, key: SubjectKey): void {
  if (keys.size >= MAX_KEYS) keys.delete(keys.keys().next().value as string)
  keys.set(text, key)
}
