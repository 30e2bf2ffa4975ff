import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { ProcessStatus } from '../../ledger/process-status.js'
import { forgetEnded, removeStatus, writeStatus } from '../../ledger/processes.js'
import { ownIdentity } from '../../store/process-identity.js'

/** The part of the status of a process that changes. */
export type Standing = Pick<ProcessStatus, 'log' | 'status' | 'reasons'>

/**
 * Keeps the file that says how this process is doing in a ledger. It is written when that changes, one write at a time,
 * and whatever goes wrong with it is nobody's concern.
 */
export class StatusFile {
  readonly #location: string
  readonly #durability: string
  readonly #name = `${process.pid}-${randomBytes(4).toString('hex')}.json`
  readonly #startedAt = new Date().toISOString()
  /** The status that was last written, or is being written. */
  #written = ''
  #isOver = false
  #lastWrite: Promise<void> = Promise.resolve()

  constructor(location: string, durability: string) {
    this.#location = location
    this.#durability = durability
    this.#lastWrite = forgetEnded(location).catch(ignore)
  }

  /** Writes the status, if it is another than before. */
  update(standing: Standing): void {
    const key = JSON.stringify([standing.log, standing.status, standing.reasons.map(({ code }) => code)])
    if (this.#isOver || key === this.#written) return
    this.#written = key
    this.#lastWrite = this.#lastWrite
      .then(() => this.#write(standing))
      .catch(() => {
        // Another attempt is made at the next look: the directory may not have been there yet.
        if (this.#written === key) this.#written = ''
      })
  }

  /** Removes the file: the process has ended its work in order. Never rejects. */
  async remove(): Promise<void> {
    this.#isOver = true
    await this.#lastWrite
    await removeStatus(this.#location, this.#name).catch(ignore)
  }

  async #write(standing: Standing): Promise<void> {
    if (this.#isOver) return
    await writeStatus(this.#location, this.#name, {
      pid: process.pid,
      startedAt: this.#startedAt,
      updatedAt: new Date().toISOString(),
      host: hostname(),
      identity: ownIdentity(),
      durability: this.#durability,
      ...standing,
    })
  }
}

function ignore(): void {}
