import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'

/** The directory of a ledger, which is made for each test and removed after it. */
export interface LedgerDirectory {
  /** A directory for files of the test, with that of the ledger in it. */
  readonly root: string
  /** The directory of the ledger. */
  readonly location: string
  logDirectory(number: number): string
  /** Has something closed before the directory is removed; what came last first. */
  onEnd(close: () => Promise<unknown>): void
}

/** Registers the hooks that make and remove a ledger's directory. */
export function ledgerDirectory(): LedgerDirectory {
  const closing: (() => Promise<unknown>)[] = []
  let root = ''
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'spanledger-'))
  })
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
    await rm(root, { recursive: true, force: true })
  })
  return {
    get root() {
      return root
    },
    get location() {
      return join(root, 'audit')
    },
    logDirectory(number) {
      return number === 0 ? this.location : join(this.location, 'logs', String(number))
    },
    onEnd: (close) => void closing.push(close),
  }
}
