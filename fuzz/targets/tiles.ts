import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { tilePath } from '../../src/tree/index.js'
import { TileDirectory } from '../../src/verify/tile-directory.js'
import { verifyLog } from '../../src/verify/verify-log.js'
import { temporaryDirectory } from '../support/directory.js'
import { coded, parsedLater, same } from '../support/oracle.js'
import { checkpointNote, checkpointText, entries, leafHashes, signer } from '../support/signed-log.js'
import { joinParts, splitParts } from '../support/target.js'

/*
 * A log as tiles and bundles of entries: a checkpoint, a tile, a bundle.
 *
 * Oracles: only coded errors come out; VERIFIED is only the log that was signed.
 */
const directory = join(temporaryDirectory(), 'tiles')
const files = ['checkpoint', tilePath(0, 0, entries.length), tilePath('entries', 0, entries.length)]
const bundle = Buffer.concat(entries.flatMap((entry) => [lengthOf(entry), entry]))

export async function fuzz(bytes: Buffer): Promise<void> {
  const parts = splitParts(bytes)
  rmSync(directory, { recursive: true, force: true })
  for (const [at, file] of files.entries()) {
    const content = parts[at]
    if (content === undefined) continue
    mkdirSync(dirname(join(directory, file)), { recursive: true })
    writeFileSync(join(directory, file), content)
  }
  const report = await parsedLater(coded(), async () => {
    const tiles = await TileDirectory.open(directory)
    return await verifyLog(tiles, { logKeys: [signer.vkey] }).finally(() => tiles.close())
  })
  if (report?.status !== 'verified') return
  same(parts[2], bundle, 'entries that nobody signed are verified')
  same(parts[0]?.toString().startsWith(checkpointText), true, 'a checkpoint that nobody signed is verified')
}

export function seeds(): Buffer[] {
  const tile = Buffer.concat(leafHashes)
  return [
    joinParts([checkpointNote, tile, bundle]),
    joinParts([checkpointNote, tile]),
    joinParts([checkpointNote.replace('\n3\n', '\n18446744073709551615\n'), tile, bundle]),
    joinParts([checkpointNote, tile, bundle.subarray(0, -5)]),
  ]
}

function lengthOf(entry: Uint8Array): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(entry.length)
  return length
}
