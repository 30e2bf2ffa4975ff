import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Ed25519Signer, formatCheckpoint, formatReceipt, openNote, signNote } from '../../src/checkpoint/index.js'
import { openAuditLogReader } from '../../src/reader/index.js'
import { hashLeaf, proveConsistency, proveInclusion, TreeFrontier, tilePath, tileWidth } from '../../src/tree/index.js'
import { TileStore } from '../support/reference-tree.js'
import { spanledger, writeLog as writeRealLog } from '../verify/tampered-log.js'

/*
 * A verifier that shares no code with this project: golang.org/x/mod/sumdb, of the Go checksum database. On Debian:
 * apt-get install golang-go golang-golang-x-mod-dev
 */
const ORIGIN = 'spanledger.example/interop'
const work = mkdtempSync(join(tmpdir(), 'spanledger-interop-'))
const verifier = join(work, 'verifier')
const signer = Ed25519Signer.generate(ORIGIN)

beforeAll(() => {
  // Where Debian keeps the sources of Go packages; GOPATH tells another place.
  const env = { GOPATH: '/usr/share/gocode', ...process.env, GO111MODULE: 'off' }
  execFileSync('go', ['build', '-o', verifier, join(import.meta.dirname, 'verifier.go')], { env, stdio: 'inherit' })
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

const entryOf = (index: number) => Buffer.from(`{"type":"custom","data":{"name":"entry ${index}"}}`)
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

/** Writes a log of `size` entries as C2SP tlog-tiles, with receipts and consistency proofs. */
async function writeLog(size: number): Promise<string> {
  const directory = mkdtempSync(join(work, 'log-'))
  const write = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), content)
  }
  const store = new TileStore()
  const roots = new Map<number, Uint8Array>()
  let frontier = TreeFrontier.empty
  for (let batch = 1; frontier.size < size; batch = (batch * 7) % 1021) {
    const added = Math.min(batch, size - frontier.size)
    const entries = Array.from({ length: added }, (_, at) => hashLeaf(entryOf(frontier.size + at)))
    frontier = store.keep(frontier.append(entries))
    roots.set(frontier.size, frontier.root)
  }

  for (let level = 0; tileWidth(level, 0, size) > 0; level++) {
    for (let index = 0; tileWidth(level, index, size) > 0; index++) {
      const width = tileWidth(level, index, size)
      const hashes = store.tiles.get(tilePath(level, index)) as Uint8Array
      expect(hashes).toHaveLength(width * 32)
      write(tilePath(level, index, width), hashes)
      if (level > 0) continue
      const bundle = Array.from({ length: width }, (_, at) => {
        const entry = entryOf(index * 256 + at)
        return [Buffer.of(entry.length >> 8, entry.length & 0xff), entry]
      })
      write(tilePath('entries', index, width), Buffer.concat(bundle.flat()))
    }
  }

  const text = formatCheckpoint({ origin: ORIGIN, size: BigInt(size), root: frontier.root, extensions: [] })
  const checkpoint = await signNote(text, [Ed25519Signer.generate('unknown.example'), signer])
  write('checkpoint', checkpoint)
  for (const index of new Set([0, Math.floor(size / 3), Math.floor(size / 2), size - 1])) {
    const proof = await proveInclusion(index, size, store)
    write(`${index}.tlog-proof`, formatReceipt({ index: BigInt(index), proof, checkpoint }))
  }
  const proofs = await Promise.all(
    [...roots].map(async ([older, root]) => {
      const proof = await proveConsistency(older, size, store)
      return { size: older, root: base64(root), proof: proof.map(base64) }
    }),
  )
  write('consistency.json', JSON.stringify(proofs))
  return directory
}

const verify = (directory: string, vkey = signer.vkey) =>
  execFileSync(verifier, ['verify', directory, vkey], { encoding: 'utf8', stdio: 'pipe' })

describe("Go's sumdb", () => {
  it.each([1, 2, 3, 255, 256, 257, 1000, 65_536, 70_000])('verifies a log of %d entries', async (size) => {
    expect(verify(await writeLog(size))).toMatch(
      new RegExp(`^${size} entries, [1-4] receipts, \\d+ consistency proofs`),
    )
  })

  it('verifies a real log: what it exports as tiles, its receipts, and that it continues its older checkpoints', async () => {
    const log = await writeRealLog([1, 200, 257, 600])
    try {
      const directory = mkdtempSync(join(work, 'real-'))
      expect(await spanledger('export', '--log', log.directory, '--tiles', directory)).toMatchObject({ code: 0 })
      await using reader = await openAuditLogReader(log.directory)
      for (const seq of [0, 199, 256, 550]) {
        const file = join(directory, `${seq}.tlog-proof`)
        expect(await spanledger('prove', '--log', log.directory, String(seq), '-o', file)).toMatchObject({ code: 0 })
      }
      const proofs = await Promise.all(
        log.states.map(async ({ checkpoint }) => {
          const { size1, proof } = await reader.proveConsistency(checkpoint)
          return { size: size1, root: checkpoint.split('\n')[2], proof: proof.map(base64) }
        }),
      )
      writeFileSync(join(directory, 'consistency.json'), JSON.stringify(proofs))
      const { size } = await reader.head()
      expect(verify(directory, log.vkey)).toBe(`${size} entries, 4 receipts, 4 consistency proofs\n`)
    } finally {
      await log.remove()
    }
  })

  it('finds a flipped bit in any file', async () => {
    const directory = await writeLog(700)
    expect(verify(directory)).toContain('700 entries')
    const places = {
      // Origin, size, root.
      checkpoint: [3, ORIGIN.length + 1, ORIGIN.length + 20],
      'tile/0/000': [0, 8191],
      'tile/0/002.p/188': [0, 6015],
      'tile/1/000.p/2': [0, 63],
      // Length and bytes of an entry.
      'tile/entries/001': [1, 10],
      'tile/entries/002.p/188': [1, 10],
      // Index, first hash of the proof, size and root of the checkpoint.
      '233.tlog-proof': ['index ', 'index 233\n', `${ORIGIN}\n`, `${ORIGIN}\n700\n`],
      'consistency.json': ['"size":', '"root":"', '"proof":["'],
    }
    for (const [path, positions] of Object.entries(places)) {
      const intact = readFileSync(join(directory, path))
      for (const place of positions) {
        const altered = Buffer.from(intact)
        const at = typeof place === 'number' ? place : intact.indexOf(place) + place.length
        altered[at] = (altered[at] as number) ^ 1
        writeFileSync(join(directory, path), altered)
        expect(() => verify(directory), `${path}: ${place}`).toThrow()
      }
      writeFileSync(join(directory, path), intact)
    }
    expect(verify(directory)).toContain('700 entries')
  })

  it('does not verify with another key of the same name', async () => {
    const directory = await writeLog(5)
    expect(() => verify(directory, Ed25519Signer.generate(ORIGIN).vkey)).toThrow(/no verifiable signatures/)
  })

  it('signs with our key what we open', () => {
    const text = 'made by Go\n\nwith a blank line\n'
    const message = execFileSync(verifier, ['sign', signer.exportSkey()], { input: text, encoding: 'utf8' })
    expect(openNote(message, [signer.vkey]).text).toBe(text)
  })
})
