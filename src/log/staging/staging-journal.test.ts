import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { GROUP, NOBODY } from '../../files/readers.js'
import { StagingJournal } from './staging-journal.js'

function newLedger(): string {
  const path = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'audit')
}

/** Stages in a ledger, and returns the modes of the directory for staging journals, of the journal and of its file. */
function modesOf(ledger: string, readers = NOBODY): readonly string[] {
  const staging = join(ledger, 'staging')
  const journal = new StagingJournal(staging, undefined, readers)
  const paths = [staging, journal.directory, join(journal.directory, '000001.journal')]
  const modes = paths.map((path) => (statSync(path).mode & 0o777).toString(8))
  journal.remove()
  return modes
}

test.skipIf(process.platform === 'win32')('a staging journal is read by those who read the ledger', () => {
  expect(modesOf(newLedger())).toEqual(['700', '700', '600'])
  expect(modesOf(newLedger(), GROUP)).toEqual(['750', '750', '640'])
  const ofGroup = newLedger()
  mkdirSync(join(ofGroup, 'entries'), { recursive: true })
  chmodSync(join(ofGroup, 'entries'), 0o750)
  expect(modesOf(ofGroup)).toEqual(['750', '750', '640'])
})
