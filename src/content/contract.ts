import type { ContentClass } from '../events/types.js'

/*
 * Content is what comes from outside as free text or as a value. It is no part of an entry: the entry has a keyed digest of it, and
 * the value, where the policy keeps it, lies beside the entries, encrypted with the key of its subject.
 */

/** The person whose data content is, as far as the event says: its actor, else its session, else its tenant. */
export interface Subject {
  readonly tenantId: string
  readonly kind: 'actor' | 'session' | 'tenant'
  /** Id of the actor or session; that of the tenant for `tenant`. */
  readonly id: string
}

/** A value of content, canonical: JSON as RFC 8785 writes it, any other text as UTF-8. */
export interface ContentValueBytes {
  readonly bytes: Uint8Array
  /** `json`: {@link bytes} are to be parsed. */
  readonly kind: 'json' | 'text'
}

/** The entry and the field that a content item is bound to: it cannot be opened for another one. */
export interface ContentBinding {
  /** Id of the log, or of the staging journal, that the item was recorded in. */
  readonly recordedIn: string
  readonly leafHash: Uint8Array
  readonly field: string
}

/** The key of one subject. */
export interface SubjectKey {
  /** 32 random hexadecimal digits, which say nothing about the subject. */
  readonly id: string
  /** Returns the digest of a value: `keyed-sha256:` and 64 hexadecimal digits. */
  digest(value: Uint8Array): string
  /** Returns s = HMAC-SHA-256(the subject's digest key, value), by which a value can be proved without the key. */
  secretOf(value: Uint8Array): Uint8Array
  /** Encrypts a value. */
  seal(value: ContentValueBytes, binding: ContentBinding): Uint8Array
  /** Decrypts an item. @throws AuditLogError `AUDIT_CONTENT_UNREADABLE` when it was sealed otherwise, or altered */
  open(sealed: Uint8Array, binding: Omit<ContentBinding, 'recordedIn'>): ContentValueBytes
  /** Returns the pseudonym of an id: the same for the same id as long as the key is there. */
  pseudonymOf(id: string): string
}

/** Why there is no key. */
export type KeyAbsence = 'unavailable' | 'erased'

/** The keys of a ledger's subjects. */
export interface ContentKeys {
  /** Finds the key of a subject, or creates it. `undefined` while there is no ledger key, or nothing can be written. Never throws. */
  keyFor(subject: Subject): SubjectKey | undefined
  /** Finds a key by its id. Never throws. */
  keyOf(id: string): SubjectKey | KeyAbsence
  /** Resolves when the keys can be used, or cannot be had now. Never rejects. */
  ready(): Promise<void>
  /** Resolves when every key that was handed out outlives loss of power. @throws what the file system throws */
  settled(): Promise<void>
}

/** A content item as a reader resolves it. */
export interface ResolvedContent {
  readonly field: string
  readonly class: ContentClass
  readonly digest: string
  readonly bytes: number
  /**
   * `readable`: `value` is here. `digest_only`: the policy kept nothing else. `key_unavailable`: this process has no key for it.
   * `not_permitted`: the database does not let this role read content. `erased`: the item or its key was destroyed.
   * `damaged`: it does not fit its entry.
   */
  readonly status: 'readable' | 'digest_only' | 'key_unavailable' | 'not_permitted' | 'erased' | 'damaged'
  /** A text, or the JSON value. */
  readonly value?: unknown
  /** Position of the entry under which it was erased. */
  readonly erasedUnder?: number
}
