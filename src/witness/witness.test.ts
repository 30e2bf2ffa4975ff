import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { numberedLeaves, TileStore } from '../../test/support/reference-tree.js'
import { Cosigner } from '../checkpoint/cosigner.js'
import {
  Ed25519Signer,
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  signNote,
} from '../checkpoint/index.js'
import { proveConsistency, TreeFrontier, verifyConsistency } from '../tree/index.js'
import { fileWitness, httpWitness, type WitnessedLog, witnessedBy } from './index.js'

const ORIGIN = 'example.org/log'
const signer = Ed25519Signer.generate(ORIGIN)

/** A log of numbered leaves, and its checkpoints. */
async function logOf(size: number, from = 0): Promise<{ checkpoint: string; log: WitnessedLog; root: Uint8Array }> {
  const store = new TileStore()
  const { root } = store.keep(TreeFrontier.empty.append(numberedLeaves(from, from + size)))
  const text = formatCheckpoint({ origin: ORIGIN, size: BigInt(size), root, extensions: [] })
  const log = { proveConsistency: (older: number) => proveConsistency(older, size, store) }
  return { checkpoint: await signNote(text, [signer]), log, root }
}

const trust = (witness: string) => ({
  origin: ORIGIN,
  logKeys: [signer.vkey],
  witnessKeys: [witness],
  witnessQuorum: 1,
})

/** A witness as C2SP tlog-witness describes it, on this host. */
class StandIn {
  readonly cosigner = Cosigner.generate('witness.example/w')
  readonly requests: string[] = []
  seen: { size: bigint; root: Uint8Array } | undefined
  /** Answers in place of the witness. */
  instead: { status: number; body: string } | undefined
  readonly #server: Server

  constructor() {
    this.#server = createServer(async (request, response) => {
      const body = await text(request)
      this.requests.push(`${request.method} ${request.url} ${body.split('\n')[0]}`)
      const { status, body: answer } = this.instead ?? this.#answer(body)
      response.writeHead(status, { 'content-type': status === 409 ? 'text/x.tlog.size' : 'text/plain' }).end(answer)
    })
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/prefix`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #answer(body: string): { status: number; body: string } {
    const [head = '', ...rest] = body.split('\n\n')
    const [old = '', ...proof] = head.split('\n')
    const note = rest.join('\n\n')
    const { size, root } = parseCheckpoint(parseNote(note).text)
    const oldSize = BigInt(/^old (\d+)$/.exec(old)?.[1] ?? 'x')
    const seen = this.seen?.size ?? 0n
    if (oldSize > size) return { status: 400, body: '' }
    if (oldSize !== seen) return { status: 409, body: `${seen}\n` }
    if (this.seen && seen > 0n) {
      const hashes = proof.map((line) => Buffer.from(line, 'base64'))
      try {
        verifyConsistency({ size1: seen, root1: this.seen.root, size2: size, root2: root, proof: hashes })
      } catch {
        return seen === size ? { status: 409, body: `${seen}\n` } : { status: 422, body: 'not consistent\n' }
      }
    }
    this.seen = { size, root }
    const { name, keyId, signature } = this.cosigner.cosign(parseNote(note).text, 1_700_000_000n)
    const id = Buffer.alloc(4)
    id.writeUInt32BE(keyId)
    return { status: 200, body: `\u2014 ${name} ${Buffer.concat([id, signature]).toString('base64')}\n` }
  }
}

describe('httpWitness', () => {
  let witness: StandIn
  let url: string
  const client = () => httpWitness({ url, vkey: witness.cosigner.vkey })
  beforeEach(async () => {
    witness = new StandIn()
    url = await witness.listen()
  })
  afterEach(() => witness.close())

  it('gets a cosignature that others verify, and proves each checkpoint to continue the one before', async () => {
    const asked = client()
    for (const size of [1, 5, 5, 300]) {
      const { checkpoint, log } = await logOf(size)
      const opened = openCheckpoint(await asked.cosign(checkpoint, log), trust(asked.vkey))
      expect(opened.cosignatures).toMatchObject([{ name: 'witness.example/w', timestampSeconds: 1_700_000_000n }])
    }
    expect(witness.requests).toEqual([
      'POST /prefix/add-checkpoint old 0',
      'POST /prefix/add-checkpoint old 1',
      'POST /prefix/add-checkpoint old 5',
      'POST /prefix/add-checkpoint old 5',
    ])
  })

  it('learns from the witness what that has seen', async () => {
    const { checkpoint, log } = await logOf(7)
    await client().cosign(checkpoint, log)
    const { checkpoint: newer, log: grown } = await logOf(20)
    openCheckpoint(await client().cosign(newer, grown), trust(witness.cosigner.vkey))
    expect(witness.requests.slice(1)).toEqual([
      'POST /prefix/add-checkpoint old 0',
      'POST /prefix/add-checkpoint old 7',
    ])
  })

  it('tells that the witness has seen more, or another log', async () => {
    const { checkpoint, log } = await logOf(9)
    await client().cosign(checkpoint, log)
    const shorter = await logOf(8)
    await expect(client().cosign(shorter.checkpoint, shorter.log)).rejects.toMatchObject({
      code: 'AUDIT_LOG_ROLLED_BACK',
    })
    const other = await logOf(9, 100)
    await expect(client().cosign(other.checkpoint, other.log)).rejects.toMatchObject({ code: 'AUDIT_PROOF_INVALID' })
    const otherGrown = await logOf(12, 100)
    await expect(client().cosign(otherGrown.checkpoint, otherGrown.log)).rejects.toMatchObject({
      code: 'AUDIT_WITNESS_FAILED',
      message: expect.stringContaining('422'),
    })
  })

  it('takes no cosignature that is not one, and no answer without end', async () => {
    const { checkpoint, log } = await logOf(3)
    const stranger = Cosigner.generate('witness.example/w').cosign(parseNote(checkpoint).text, 1n)
    const line = Buffer.concat([Buffer.alloc(4), stranger.signature]).toString('base64')
    const cases = [
      { status: 200, body: '', code: 'AUDIT_KEY_UNKNOWN' },
      { status: 200, body: `\u2014 witness.example/w ${line}\n`, code: 'AUDIT_KEY_UNKNOWN' },
      { status: 200, body: 'x\n', code: 'AUDIT_NOTE_INVALID' },
      { status: 200, body: 'x'.repeat(100_000), code: 'AUDIT_WITNESS_FAILED' },
      { status: 404, body: 'unknown origin', code: 'AUDIT_WITNESS_FAILED' },
      { status: 409, body: 'many\n', code: 'AUDIT_WITNESS_FAILED' },
      { status: 409, body: '18446744073709551616\n', code: 'AUDIT_WITNESS_FAILED' },
      { status: 409, body: '18446744073709551615\n', code: 'AUDIT_LOG_ROLLED_BACK' },
      { status: 302, body: '', code: 'AUDIT_WITNESS_FAILED' },
    ]
    for (const { code, ...instead } of cases) {
      witness.instead = instead
      await expect(client().cosign(checkpoint, log), JSON.stringify(instead).slice(0, 60)).rejects.toMatchObject({
        code,
      })
    }
    witness.close()
    await expect(client().cosign(checkpoint, log)).rejects.toMatchObject({ code: 'AUDIT_WITNESS_FAILED' })
  })

  it('refuses what it cannot work with', () => {
    expect(() => httpWitness({ url: 'file:///x', vkey: witness.cosigner.vkey })).toThrow(TypeError)
    expect(() => httpWitness({ url, vkey: signer.vkey })).toThrow(/signature type 4/)
    expect(() => httpWitness({ url, vkey: witness.cosigner.vkey, timeoutMilis: 1 } as never)).toThrow(/timeoutMillis/)
  })
})

describe('fileWitness', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spanledger-witness-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('cosigns what continues what it has seen, also after a restart, and nothing else', async () => {
    const first = await fileWitness(join(directory, 'w'), { name: 'example.org/witness' })
    const { checkpoint, log } = await logOf(5)
    expect(openCheckpoint(await first.cosign(checkpoint, log), trust(first.vkey)).cosignatures).toHaveLength(1)

    const again = await fileWitness(join(directory, 'w'))
    expect(again.vkey).toBe(first.vkey)
    const grown = await logOf(12)
    openCheckpoint(await again.cosign(grown.checkpoint, grown.log), trust(first.vkey))
    await expect(again.cosign(checkpoint, log)).rejects.toMatchObject({ code: 'AUDIT_LOG_ROLLED_BACK' })
    for (const other of [await logOf(12, 1), await logOf(40, 1)]) {
      await expect(again.cosign(other.checkpoint, other.log)).rejects.toMatchObject({ code: 'AUDIT_PROOF_INVALID' })
    }
    const names = (await readdir(join(directory, 'w'))).sort()
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.checkpoint$/), 'witness.pem', 'witness.vkey'])
    expect((await stat(join(directory, 'w', 'witness.pem'))).mode & 0o777).toBe(0o600)
  })

  it('takes checkpoints of the keys that it was given only', async () => {
    const witness = await fileWitness(directory, { logKeys: [Ed25519Signer.generate(ORIGIN).vkey] })
    const { checkpoint, log } = await logOf(5)
    await expect(witness.cosign(checkpoint, log)).rejects.toMatchObject({ code: 'AUDIT_KEY_UNKNOWN' })
  })

  it('answers for a log with the others that can, and tells of those that cannot', async () => {
    const witness = await fileWitness(directory)
    const away = httpWitness({ url: 'http://127.0.0.1:9', vkey: Cosigner.generate('away.example').vkey })
    const problems: Error[] = []
    const publishCheckpoint = witnessedBy([away, witness], { onProblem: (problem) => problems.push(problem) })
    const { checkpoint, log } = await logOf(5)
    expect(openCheckpoint(await publishCheckpoint(checkpoint, log), trust(witness.vkey)).size).toBe(5n)
    expect(problems).toMatchObject([{ code: 'AUDIT_WITNESS_FAILED' }])
  })
})
