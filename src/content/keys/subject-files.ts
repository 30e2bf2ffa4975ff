import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { KEY_ID_BYTES } from '../item.js'
import { DerivedSubjectKey, SECRET_BYTES } from '../subject-key.js'
import { createKeyFile, type KeyDamage, nameKeyFile, readKeyFile } from './key-files.js'
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

/** A key, and the names of its file. Whoever made it may not have put it on the disk yet. */
export interface FoundKey {
  readonly key: DerivedSubjectKey
  readonly names: readonly string[]
}

/**
 * Finds the key of a subject, or creates it.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID` where its file is damaged: what was encrypted by it is never given another key;
 * `AUDIT_FILE_REFUSED`; what the file system throws
 */
export function findOrCreateKey(directory: string, ledgerKey: LedgerKey, name: string): FoundKey {
  const path = subjectPath(directory, name)
  const found = read(path)
  // Nothing that outlived the loss of power was recorded by it: the key is on the disk before that is.
  if (found === 'cut_short') rmSync(path, { force: true })
  else if (found) return opened(directory, ledgerKey, path, found)
  const [id, secret] = [randomBytes(KEY_ID_BYTES).toString('hex'), randomBytes(SECRET_BYTES)]
  const byId = idPath(directory, id)
  createKeyFile(byId, keyText({ id, wrapped: ledgerKey.wrap(secret, id) }), directory)
  try {
    if (nameKeyFile(byId, path)) return { key: new DerivedSubjectKey(id, secret), names: [byId, path] }
  } catch (problem) {
    rmSync(byId, { force: true })
    throw problem
  }
  // Somebody else was first.
  rmSync(byId, { force: true })
  const others = read(path)
  if (others) return opened(directory, ledgerKey, path, others)
  throw new AuditLogError('AUDIT_KEY_INVALID', `${path}, the key of a subject, was there, and is gone`)
}

/** Finds the key of a subject. @returns `undefined` where there is none, or it cannot be read */
export function findSubjectKey(directory: string, ledgerKey: LedgerKey, name: string): DerivedSubjectKey | undefined {
  const found = read(subjectPath(directory, name))
  return typeof found === 'object' ? unwrapped(ledgerKey, found) : undefined
}

/**
 * Finds a key by its id.
 *
 * @returns `undefined` where there is none
 * @throws as {@link findOrCreateKey}
 */
export function findKey(directory: string, ledgerKey: LedgerKey, id: string): DerivedSubjectKey | undefined {
  if (!KEY_ID.test(id)) return undefined
  const path = idPath(directory, id)
  const found = read(path)
  if (!found) return undefined
  const key = typeof found === 'object' && found.id === id ? unwrapped(ledgerKey, found) : undefined
  if (!key) throw damaged(path)
  return key
}

/** Tells whether a ledger has the key of any subject. */
export function hasSubjectKeys(directory: string): boolean {
  return [SUBJECTS, IDS].some((folder) => {
    const names = namesIn(join(directory, folder))
    return names.some((name) => namesIn(join(directory, folder, name)).length > 0)
  })
}

/** Returns how many subjects have a key. */
export function countSubjectKeys(directory: string): number {
  const folder = join(directory, SUBJECTS)
  return namesIn(folder).reduce((count, name) => count + namesIn(join(folder, name)).length, 0)
}

/** Returns the key in a file, and names the file by its id where a crash of its maker prevented that. */
function opened(directory: string, ledgerKey: LedgerKey, path: string, found: WrappedSubjectKey | KeyDamage): FoundKey {
  const key = typeof found === 'object' ? unwrapped(ledgerKey, found) : undefined
  if (typeof found !== 'object' || !key) throw damaged(path)
  const byId = idPath(directory, found.id)
  // Readers find it by its id alone: content that they could not read would be lost.
  if (!nameKeyFile(path, byId)) findKey(directory, ledgerKey, found.id)
  return { key, names: [byId, path] }
}

function unwrapped(ledgerKey: LedgerKey, { id, wrapped }: WrappedSubjectKey): DerivedSubjectKey | undefined {
  const secret = ledgerKey.unwrap(wrapped, id)
  return secret?.length === SECRET_BYTES ? new DerivedSubjectKey(id, secret) : undefined
}

function damaged(path: string): AuditLogError {
  return new AuditLogError(
    'AUDIT_KEY_INVALID',
    `${path}, the key of a subject, is damaged, or of another ledger. Restore it from where keys are kept: until then content of this subject has no key`,
  )
}

/** `undefined` where there is no file. */
function read(path: string): WrappedSubjectKey | KeyDamage | undefined {
  return readKeyFile(path, MAX_BYTES, parse)
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (problem) {
    if (['ENOENT', 'ENOTDIR'].includes((problem as NodeJS.ErrnoException).code ?? '')) return []
    throw problem
  }
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
