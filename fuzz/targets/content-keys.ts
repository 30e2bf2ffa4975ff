import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  LedgerKey,
  ledgerKeyPath,
  ledgerKeyText,
  readLedgerKey,
  unwrapLedgerKey,
} from '../../src/content/keys/ledger-key.js'
import { contentKeyFile } from '../../src/content/keys/provider.js'
import { findKey, findOrCreateKey } from '../../src/content/keys/subject-files.js'
import { DerivedSubjectKey } from '../../src/content/subject-key.js'
import { temporaryDirectory } from '../support/directory.js'
import { claim, coded, parsed, parsedLater, same } from '../support/oracle.js'

/*
 * The files that keys of content lie in: that of the ledger, of a subject, and of the provider. Each is read by everybody who may open the
 * ledger, and may be the work of somebody else.
 *
 * Oracles: a file is a key or a refusal, never another error; a key of the ledger is written again as the same text, but for the spelling of its base64; what nobody
 * wrapped does not open.
 */
const directory = join(temporaryDirectory(), 'keys')
const ID = '00112233445566778899aabbccddeeff'
const SUBJECT = 'a0'.repeat(20)
const ledgerKey = new LedgerKey(Buffer.alloc(32, 3))
const SECRET = Buffer.alloc(32, 5)
const OURS = new DerivedSubjectKey(ID, SECRET)
const PROBE = Buffer.from('probe')
const WRAPPED = Buffer.from(ledgerKey.wrap(SECRET, ID))
const isRefusal = coded('AUDIT_KEY_INVALID', 'AUDIT_FILE_REFUSED')

export async function fuzz(bytes: Buffer): Promise<void> {
  rmSync(directory, { recursive: true, force: true })
  await readAsLedgerKey(bytes)
  readAsSubjectKey(bytes)
  const keyFile = join(directory, 'provider.key')
  write(keyFile, bytes)
  const provider = contentKeyFile(keyFile)
  await parsedLater(isRefusal, async () => {
    const unwrapped = await provider.unwrap(WRAPPED)
    claim(unwrapped instanceof Uint8Array, 'a provider unwraps what is no key')
  })
}

async function readAsLedgerKey(bytes: Buffer): Promise<void> {
  write(ledgerKeyPath(directory), bytes)
  const found = parsed(isRefusal, () => readLedgerKey(directory))
  if (!found) return
  claim(found.providerId.length > 0, 'a provider has no name')
  const [written, read] = [ledgerKeyText(found), bytes.toString('latin1')].map((text) => text.split('\nkey ')[0])
  same(written, read, 'a key of the ledger is written in another form')
  const provider = { id: 'key-file', wrap: (key: Uint8Array) => key, unwrap: (wrapped: Uint8Array) => wrapped }
  await parsedLater(isRefusal, async () => await unwrapLedgerKey(directory, found, provider))
}

function readAsSubjectKey(bytes: Buffer): void {
  write(join(directory, 'ids', ID.slice(0, 2), ID), bytes)
  const found = parsed(isRefusal, () => findKey(directory, ledgerKey, ID))
  if (typeof found === 'object') claim(isOurs(found), 'a key opens that nobody wrapped')
  write(join(directory, 'subjects', SUBJECT.slice(0, 2), SUBJECT), bytes)
  const own = parsed(isRefusal, () => findOrCreateKey(directory, ledgerKey, SUBJECT))
  // A file without its end gives way to a new key.
  const isReplaced = bytes.at(-1) !== 0x0a && own?.key.id !== ID
  if (own && !isReplaced) claim(isOurs(own.key), 'a key of a subject opens that nobody wrapped')
}

/** Only one secret was ever wrapped by the key of this ledger. */
function isOurs(key: DerivedSubjectKey): boolean {
  return key.id === ID && key.digest(PROBE) === OURS.digest(PROBE)
}

function write(path: string, bytes: Buffer): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes, { mode: 0o600 })
}

export function seeds(): Buffer[] {
  const key = WRAPPED.toString('base64')
  const texts = [
    ledgerKeyText({ providerId: 'key-file', wrapped: Buffer.alloc(32, 1) }),
    ledgerKeyText({ providerId: 'aws-kms', wrapped: WRAPPED }),
    `spanledger subject key 1\nid ${ID}\nkey ${key}\n`,
    `spanledger subject key 1\nid ${ID}\nkey ${key.slice(0, -9)}\n`,
    `spanledger content keys 2\nprovider key-file\nkey ${key}\n`,
    `${Buffer.alloc(32, 9).toString('base64')}\n`,
  ]
  return texts.map((text) => Buffer.from(text))
}
