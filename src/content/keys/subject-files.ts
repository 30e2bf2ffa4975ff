import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { KEY_ID_BYTES } from '../item.js'
import { DerivedSubjectKey, SECRET_BYTES } from '../subject-key.js'
import { createKeyFile, nameKeyFile, readKeyFile } from './key-files.js'
import type { LedgerKey } from './ledger-key.js'

/*
 * The key of a subject lies in one file, under two names: that of its subject, by which a log finds it when it records, and its
 * id, by which readers find it.
 *
 *   subjects/3f/3f0a…   ids/c2/c2d1…
 *
 *   spanledger subject key 1
 *   id <32 hexadecimal digits>
 *   key <base64>
 */

const MAX_BYTES = 4096
const FORM = /^spanledger subject key 1\nid ([\da-f]{32})\nkey ([\w+/]+={0,2})\n$/
const KEY_ID = /^[\da-f]{32}$/

interface WrappedSubjectKey {
  readonly id: string
  readonly wrapped: Uint8Array
}

/** Directory of the names of subjects. */
const SUBJECTS = 'subjects'
/** Directory of the ids. */
const IDS = 'ids'

/** A key, and the names of its file that were made for it. */
export interface FoundKey {
  readonly key: DerivedSubjectKey
  readonly created: readonly string[]
}

/** Finds the key of a subject, or creates it. @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws */
export function findOrCreateKey(directory: string, ledgerKey: LedgerKey, name: string): FoundKey | undefined {
  const path = subjectPath(directory, name)
  const found = read(path)
  if (found) return opened(directory, ledgerKey, path, found)
  const [id, secret] = [randomBytes(KEY_ID_BYTES).toString('hex'), randomBytes(SECRET_BYTES)]
  const byId = idPath(directory, id)
  createKeyFile(byId, keyText({ id, wrapped: ledgerKey.wrap(secret, id) }))
  if (nameKeyFile(byId, path)) return { key: new DerivedSubjectKey(id, secret), created: [byId, path] }
  // Somebody else was first.
  rmSync(byId, { force: true })
  const others = read(path)
  return others && opened(directory, ledgerKey, path, others)
}

/** Finds the key of a subject. @returns `undefined` where there is none, or it cannot be read */
export function findSubjectKey(directory: string, ledgerKey: LedgerKey, name: string): DerivedSubjectKey | undefined {
  const found = read(subjectPath(directory, name))
  const secret = found && ledgerKey.unwrap(found.wrapped, found.id)
  return found && secret?.length === SECRET_BYTES ? new DerivedSubjectKey(found.id, secret) : undefined
}

/** Finds a key by its id. @returns `undefined` where there is none; `unavailable` where it cannot be read */
export function findKey(
  directory: string,
  ledgerKey: LedgerKey,
  id: string,
): DerivedSubjectKey | 'unavailable' | undefined {
  if (!KEY_ID.test(id)) return undefined
  const found = read(idPath(directory, id))
  if (!found) return undefined
  const secret = found.id === id ? ledgerKey.unwrap(found.wrapped, id) : undefined
  return secret?.length === SECRET_BYTES ? new DerivedSubjectKey(id, secret) : 'unavailable'
}

/** Returns the key in a file, and names the file by its id where a crash of its maker prevented that. */
function opened(
  directory: string,
  ledgerKey: LedgerKey,
  path: string,
  { id, wrapped }: WrappedSubjectKey,
): FoundKey | undefined {
  const secret = ledgerKey.unwrap(wrapped, id)
  if (secret?.length !== SECRET_BYTES) return undefined
  const byId = idPath(directory, id)
  return { key: new DerivedSubjectKey(id, secret), created: nameKeyFile(path, byId) ? [byId] : [] }
}

function read(path: string): WrappedSubjectKey | undefined {
  const found = readKeyFile(path, MAX_BYTES, parse)
  return found === 'malformed' ? undefined : found
}

function parse(text: string): WrappedSubjectKey | undefined {
  // Attacker-controlled: a key file, at most MAX_BYTES; one anchored pattern.
  const [, id, key] = FORM.exec(text) ?? []
  return id === undefined || key === undefined ? undefined : { id, wrapped: Buffer.from(key, 'base64') }
}

function keyText({ id, wrapped }: WrappedSubjectKey): string {
  return `spanledger subject key 1\nid ${id}\nkey ${Buffer.from(wrapped).toString('base64')}\n`
}

function subjectPath(directory: string, name: string): string {
  return join(directory, SUBJECTS, name.slice(0, 2), name)
}

function idPath(directory: string, id: string): string {
  return join(directory, IDS, id.slice(0, 2), id)
}
