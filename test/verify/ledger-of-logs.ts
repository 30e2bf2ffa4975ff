import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import { Ed25519Signer, parseCheckpoint, parseNote, signNote } from '../../src/checkpoint/index.js'
import type { AuditEventInput } from '../../src/events/types.js'
import { logDirectory } from '../../src/ledger/log-directories.js'
import { OWN_SOURCE } from '../../src/log/own-source.js'
import { recordStatement } from '../../src/log/statements.js'

/** A ledger whose logs are written one after the other, with the statements that shared writers make. */
export class LedgerOfLogs {
  readonly root: string
  readonly location: string

  static async make(numbers: readonly number[] = [0, 1, 2]): Promise<LedgerOfLogs> {
    const ledger = new LedgerOfLogs(await mkdtemp(join(tmpdir(), 'spanledger-ledger-')))
    for (const number of numbers) await ledger.write(number, 30)
    for (const number of numbers)
      await ledger.note(
        number,
        numbers.filter((other) => other !== number),
      )
    return ledger
  }

  constructor(root: string) {
    this.root = root
    this.location = join(root, 'audit')
  }

  /** Returns a ledger of the same keys and events, to be changed by itself. */
  async copied(): Promise<LedgerOfLogs> {
    const copy = new LedgerOfLogs(await mkdtemp(join(tmpdir(), 'spanledger-ledger-')))
    await cp(this.location, copy.location, { recursive: true })
    return copy
  }

  directoryOf(number: number): string {
    return logDirectory(this.location, number).path
  }

  async vkeyOf(number: number): Promise<string> {
    return (await readFile(join(this.directoryOf(number), 'keys', 'signing.vkey'), 'utf8')).trim()
  }

  async signerOf(number: number): Promise<Ed25519Signer> {
    const skey = await readFile(join(this.directoryOf(number), 'keys', 'signing.key'), 'utf8')
    return Ed25519Signer.fromSkey(skey.trim())
  }

  async checkpointOf(number: number): Promise<string> {
    return await readFile(join(this.directoryOf(number), 'checkpoint'), 'utf8')
  }

  /** Records events in a log, which joins the ledger when it is new. */
  async write(number: number, events: number): Promise<void> {
    await this.#open(number, async (log) => {
      const { size } = await log.head()
      if (number > 0 && size === 0) state(log, await this.joining(number))
      for (let n = 0; n < events; n++) log.record({ type: 'custom', data: { name: `event ${n} of log ${number}` } })
    })
  }

  /** Notes in a log how far others are. */
  async note(number: number, others: readonly number[]): Promise<void> {
    const logs = await Promise.all(others.map((other) => this.stateOf(other)))
    await this.state(number, 'siblings_noted', { logs })
  }

  /** Records a statement in a log. */
  async state(number: number, type: string, data: unknown): Promise<void> {
    await this.#open(number, async (log) => state(log, { type, data }))
  }

  /** Returns the state of a log, as a sibling notes it. */
  async stateOf(number: number) {
    const { text, signatures } = parseNote(await this.checkpointOf(number))
    const { origin, size, root } = parseCheckpoint(text)
    const own = signatures.find(({ name }) => name === origin)
    const keyId = Buffer.alloc(4)
    keyId.writeUInt32BE(own?.keyId ?? 0)
    return {
      log: number,
      origin,
      size: Number(size),
      root: Buffer.from(root).toString('base64'),
      signature: Buffer.concat([keyId, own?.signature ?? Buffer.alloc(0)]).toString('base64'),
    }
  }

  /** Returns the statement by which a log joins, signed by log 0's key unless another is given. */
  async joining(number: number, { as = number, signer }: { as?: number; signer?: Ed25519Signer } = {}) {
    const key = signer ?? (await this.signerOf(0))
    const vkey = await this.vkeyOf(number)
    const statement = await signNote(`spanledger.dev/ledger-log\n${key.name}\n${as}\n${vkey}\n`, [key])
    return { type: 'ledger_joined', data: { ledger: key.name, log: as, vkey, statement } }
  }

  /** Makes a directory a log with a key, as the opening of a shared log does before it joins. */
  async begin(number: number): Promise<void> {
    await mkdir(this.directoryOf(number), { recursive: true })
    await this.#open(number, async () => {})
  }

  async copy(from: string, number: number): Promise<void> {
    await cp(from, this.directoryOf(number), { recursive: true })
  }

  async swap(one: number, other: number): Promise<void> {
    const aside = join(this.root, 'aside')
    await rename(this.directoryOf(one), aside)
    await rename(this.directoryOf(other), this.directoryOf(one))
    await rename(aside, this.directoryOf(other))
  }

  async removeLog(number: number): Promise<void> {
    if (number > 0) return await rm(this.directoryOf(number), { recursive: true })
    for (const name of ['entries', 'index', 'journal', 'keys', 'checkpoint', 'head']) {
      await rm(join(this.location, name), { recursive: true, force: true })
    }
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true, force: true })
  }

  async #open(number: number, use: (log: AuditLog) => Promise<void>): Promise<void> {
    const log = await openAuditLog(this.directoryOf(number))
    await use(log).finally(() => log.close())
  }
}

function state(log: AuditLog, { type, data }: { readonly type: string; readonly data: unknown }): void {
  recordStatement(log, { type, source: OWN_SOURCE, data } as unknown as AuditEventInput)
}
