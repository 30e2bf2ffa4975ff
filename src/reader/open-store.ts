import type { ContentKeys } from '../content/contract.js'
import { type ContentKeysOptions, fileKeysOf } from '../content/keys/options.js'
import { rejectUnknownOptions } from '../events/options.js'
import { isShared, type SharedStore } from '../store/shared.js'
import type { VerifyOptions } from '../verify/options.js'
import type { VerifyReport } from '../verify/report.js'
import type { AuditLogReader } from './contract.js'
import { WatchedCommits } from './follow/watched-commits.js'
import { StoreReader } from './reader.js'

/** Options of `openAuditLogReader` for a store that many processes share. */
export interface AuditLogStoreReaderOptions {
  /** The store of the log. The reader opens it for reading, and closes it with itself. */
  readonly store: SharedStore
  /** Types of the log's own that may be asked for before it has any event of them. @defaultValue none */
  readonly eventTypes?: readonly string[]
  /**
   * The keys of content, which lie outside of the store; `false` to read without them.
   *
   * @defaultValue those in the directory that the environment variable `SPANLEDGER_CONTENT_KEYS` names; else none
   */
  readonly contentKeys?: false | ContentKeysOptions
}

/** Reads a log in a store that other processes write. Every read sees what was committed before it began. */
export interface AuditLogStoreReader extends AuditLogReader {
  /** The location that the store gives. */
  readonly location: string
  verify(options?: VerifyOptions): Promise<VerifyReport>
  /** Ends reads that are under way with `AUDIT_LOG_CLOSED`, and closes the store. */
  close(): Promise<void>
  /** {@link close} */
  [Symbol.asyncDispose](): Promise<void>
}

/** @throws TypeError when the store is none that several processes can have open */
export async function openStoreReader(options: AuditLogStoreReaderOptions): Promise<AuditLogStoreReader> {
  rejectUnknownOptions('openAuditLogReader', options, ['store', 'eventTypes', 'contentKeys'])
  const { store, eventTypes = [], contentKeys = {} } = options
  if (!Array.isArray(eventTypes) || eventTypes.some((type) => typeof type !== 'string')) {
    throw new TypeError('openAuditLogReader: eventTypes must be an array of event types')
  }
  if (typeof store?.commit !== 'function' || !isShared(store)) {
    throw new TypeError('openAuditLogReader: store must be one that others can write, such as postgresStore(…)')
  }
  const keysPlace = { of: 'openAuditLogReader', location: undefined, isInStore: true, use: 'reading' } as const
  const keys = contentKeys === false ? undefined : fileKeysOf(contentKeys, keysPlace)
  await store.openForReading()
  return new SharedStoreReader(store, eventTypes, () => keys)
}

class SharedStoreReader extends StoreReader implements AuditLogStoreReader {
  readonly #store: SharedStore

  constructor(store: SharedStore, eventTypes: readonly string[], contentKeys: () => ContentKeys | undefined) {
    super(store, {
      barrier: () => store.refresh(),
      eventTypes,
      commits: new WatchedCommits(store),
      contentKeys,
    })
    this.#store = store
  }

  get location(): string {
    return this.#store.location
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
