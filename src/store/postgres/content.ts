import { AuditLogError } from '../../events/errors.js'
import type { SealedContent } from '../contract.js'
import { sqlState } from './errors.js'
import { CONTENT_READER_ROLE } from './roles.js'
import type { Ask } from './server.js'

/** Positions whose items one query returns: their entries have 1 MiB of content each at most. */
const READ_LENGTH = 32

/**
 * Tells whether the role may read content. Rows that a policy hides look like rows that are not there, so that the right to the table
 * alone says too little.
 */
const MAY_READ = `select pg_catalog.has_table_privilege('spanledger.content', 'select')
  and (pg_catalog.pg_has_role('${CONTENT_READER_ROLE}', 'usage')
    or not pg_catalog.row_security_active('spanledger.content')) as may`

const READ = `select seq, field, bytes from spanledger.content
  where log = $1 and seq = any($2::bigint[]) order by seq, item`

const NO_PRIVILEGE = '42501'

/** Reads the content items of a log. */
export class ContentReads {
  readonly #log: number
  readonly #location: string
  #mayRead = false

  constructor(log: number, location: string) {
    this.#log = log
    this.#location = location
  }

  /**
   * See `AuditStore.content`.
   *
   * @param size - of the log: there is none past it
   * @throws AuditLogError `AUDIT_CONTENT_UNREADABLE` where the role may not read content; what the server says
   */
  async read(ask: Ask, seqs: readonly number[], size: number): Promise<readonly (readonly SealedContent[])[]> {
    const stored = seqs.filter((seq) => Number.isInteger(seq) && seq >= 0 && seq < size)
    if (stored.length === 0) return seqs.map(() => [])
    await this.#requireRight(ask)
    const found = new Map<number, SealedContent[]>()
    for (let at = 0; at < stored.length; at += READ_LENGTH) {
      const rows = await this.#rows(ask, stored.slice(at, at + READ_LENGTH))
      for (const { seq, field, bytes } of rows) {
        const items = found.get(Number(seq)) ?? []
        items.push({ field: field.toString('utf8'), bytes })
        found.set(Number(seq), items)
      }
    }
    return seqs.map((seq) => found.get(seq) ?? [])
  }

  /** Asks first: a refusal would be an error in the log of the server, for each event that is read. */
  async #requireRight(ask: Ask): Promise<void> {
    if (this.#mayRead) return
    const [row] = await ask<{ may: boolean }>(MAY_READ, [])
    if (!row?.may) throw this.#refused()
    this.#mayRead = true
  }

  async #rows(ask: Ask, seqs: readonly number[]): Promise<readonly ContentRow[]> {
    try {
      return await ask<ContentRow>(READ, [this.#log, seqs])
    } catch (problem) {
      if (sqlState(problem) !== NO_PRIVILEGE) throw problem
      this.#mayRead = false
      throw this.#refused(problem)
    }
  }

  #refused(cause?: unknown): AuditLogError {
    return new AuditLogError(
      'AUDIT_CONTENT_UNREADABLE',
      `This role may not read the content of the audit log ${this.#location}: grant it the role ${CONTENT_READER_ROLE}`,
      { cause },
    )
  }
}

// Attacker-controlled: rows of the database; each item is decrypted with a key from elsewhere, bound to its entry and field.
interface ContentRow {
  readonly seq: string
  readonly field: Buffer
  readonly bytes: Buffer
}
