import { AuditLogError } from '../../events/errors.js'
import { monotonicMillis, startTimer, startUnrefTimer } from '../../timers/real-timers.js'
import type { ContentKeys, KeyAbsence, Subject, SubjectKey } from '../contract.js'
import { subjectText } from '../subject.js'
import { removeTemporaryKeyFiles, syncKeyFiles } from './key-files.js'
import { type LedgerKey, ledgerKeyPath, readLedgerKey, unwrapLedgerKey } from './ledger-key.js'
import { openOrNewLedgerKey } from './open-ledger-key.js'
import { type ContentKeyProvider, isCreating } from './provider.js'
import { findKey, findOrCreateKey, findSubjectKey } from './subject-files.js'

/** Keys that are kept in memory. */
const MAX_KEYS = 4096
/** After a failure, nothing is tried for so long: recording is hot. */
const PAUSE_MILLIS = 5_000
/** A provider that has not answered after so long is not waited for any more. */
const ANSWER_MILLIS = 10_000
/** Problems that are reported while the keys of a ledger are open: each is told once. */
const MAX_REPORTED = 16

export interface FileKeysOptions {
  /** Directory of the keys. */
  readonly directory: string
  readonly provider: ContentKeyProvider
  /** A reader creates nothing. */
  readonly use: 'reading' | 'writing'
  /** @defaultValue {@link ANSWER_MILLIS} */
  readonly answerMillis?: number
  /** Called once for each problem, and again only where the key of the ledger was open in between. */
  readonly report?: ((problem: Error) => void) | undefined
}

/** Keys in a directory. They are opened with the first that is needed, so that a ledger without content has none. */
export class FileContentKeys implements ContentKeys {
  readonly #options: FileKeysOptions
  readonly #bySubject = new Map<string, SubjectKey>()
  readonly #byId = new Map<string, SubjectKey>()
  /** Keys that failed, by subject or id, and when they are tried again. */
  readonly #failing = new Map<string, number>()
  readonly #reported = new Set<string>()
  #ledgerKey: LedgerKey | undefined
  #opening: Promise<void> | undefined
  /** When the key of the ledger is tried again, for who records, and for who waits for it. */
  #retryAt = { recording: Number.NEGATIVE_INFINITY, waiting: Number.NEGATIVE_INFINITY }
  #unsynced: string[] = []
  #syncing: Promise<void> | undefined

  constructor(options: FileKeysOptions) {
    this.#options = options
  }

  /** Resolves when the key of the ledger is there, or cannot be had now, which is reported. Never rejects. */
  async ready(): Promise<void> {
    if (monotonicMillis() >= this.#retryAt.waiting) this.#open()
    if (!this.#opening) return
    // The process must not end while somebody waits.
    const cancel = startTimer(2 ** 30, () => {})
    await this.#opening
    cancel()
  }

  keyFor(subject: Subject): SubjectKey | undefined {
    const text = subjectText(subject)
    const known = this.#bySubject.get(text)
    if (known) return known
    const key = this.#attempt(text, (ledgerKey) => this.#findOrCreate(ledgerKey, subject))
    if (key) remember(this.#bySubject, text, key)
    return key
  }

  keyOfSubject(subject: Subject): SubjectKey | undefined {
    const text = subjectText(subject)
    const known = this.#bySubject.get(text)
    if (known) return known
    const { directory } = this.#options
    // It is not remembered: who records with it makes sure first that it is found by its id, too.
    return this.#attempt(text, (ledgerKey) => findSubjectKey(directory, ledgerKey, ledgerKey.nameOf(subject)))
  }

  keyOf(id: string): SubjectKey | KeyAbsence {
    const known = this.#byId.get(id)
    if (known) return known
    const key = this.#attempt(id, (ledgerKey) => findKey(this.#options.directory, ledgerKey, id) ?? 'erased')
    if (key === undefined || key === 'erased') return key ?? 'unavailable'
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
      await syncKeyFiles(paths, this.#options.directory)
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
    const { key, names } = findOrCreateKey(directory, ledgerKey, ledgerKey.nameOf(subject))
    this.#unsynced.push(...names)
    return key
  }

  /** @param of - the subject or id, which is not tried for a while after it failed */
  #attempt<T>(of: string, use: (ledgerKey: LedgerKey) => T): T | undefined {
    if (!this.#ledgerKey && monotonicMillis() >= this.#retryAt.recording) this.#open()
    const ledgerKey = this.#ledgerKey
    if (!ledgerKey || monotonicMillis() < (this.#failing.get(of) ?? 0)) return undefined
    try {
      return use(ledgerKey)
    } catch (problem) {
      remember(this.#failing, of, monotonicMillis() + PAUSE_MILLIS)
      this.#report(problem)
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
      if (key instanceof Promise) this.#opening = this.#answered(key)
      else this.#take(key)
    } catch (problem) {
      this.#retryAt.recording = monotonicMillis() + PAUSE_MILLIS
      this.#report(problem)
    }
  }

  /** Resolves when a provider has answered, or has not for long. An answer that is late is taken all the same. */
  #answered(key: Promise<LedgerKey>): Promise<void> {
    const { provider, answerMillis = ANSWER_MILLIS } = this.#options
    return new Promise((resolve) => {
      let isOver = false
      const end = () => {
        isOver = true
        cancel()
        this.#opening = undefined
        resolve()
      }
      const failed = (problem: unknown) => {
        if (isOver) return
        const retryAt = monotonicMillis() + PAUSE_MILLIS
        this.#retryAt = { recording: retryAt, waiting: retryAt }
        this.#report(problem)
        end()
      }
      const cancel = startUnrefTimer(answerMillis, () => {
        const message = `The provider '${provider.id}' did not answer within ${answerMillis / 1000} s. It is asked again`
        failed(new AuditLogError('AUDIT_KEY_INVALID', message))
      })
      key.then((ledgerKey) => {
        this.#take(ledgerKey)
        if (!isOver) end()
      }, failed)
    })
  }

  #take(ledgerKey: LedgerKey): void {
    const { directory, provider, use } = this.#options
    if (this.#ledgerKey) return
    this.#ledgerKey = ledgerKey
    this.#reported.clear()
    if (use !== 'writing') return
    this.#unsynced.push(ledgerKeyPath(directory))
    removeTemporaryKeyFiles(directory)
    try {
      const problem = isCreating(provider) ? provider.review() : undefined
      if (problem) this.#options.report?.(problem)
    } catch {
      // The key was read just before.
    }
  }

  #report(problem: unknown): void {
    const cause = messageOf(problem)
    if (this.#reported.has(cause) || this.#reported.size >= MAX_REPORTED) return
    this.#reported.add(cause)
    const what = `Content is not ${this.#options.use === 'writing' ? 'recorded' : 'readable'}: ${cause}`
    const code = problem instanceof AuditLogError ? problem.code : 'AUDIT_KEY_INVALID'
    this.#options.report?.(new AuditLogError(code, what, { cause: problem }))
  }
}

/** Providers may throw anything. */
function messageOf(problem: unknown): string {
  try {
    return problem instanceof Error ? String(problem.message) : String(problem)
  } catch {
    return 'the provider of the key failed'
  }
}

function remember<T>(kept: Map<string, T>, text: string, value: T): void {
  if (kept.size >= MAX_KEYS) kept.delete(kept.keys().next().value as string)
  kept.set(text, value)
}
