import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { JsonlFile } from '../../src/verify/jsonl-file.js'
import { verifyLog } from '../../src/verify/verify-log.js'
import { temporaryDirectory } from '../support/directory.js'
import { coded, parsedLater, same } from '../support/oracle.js'
import { checkpointNote, entries, signer } from '../support/signed-log.js'

/*
 * The entries of a log as JSON Lines, verified with a checkpoint that was kept elsewhere.
 *
 * Oracles: only coded errors come out; VERIFIED is only what was signed.
 */
const path = join(temporaryDirectory(), 'entries.jsonl')
const signed = entries.map((entry) => Buffer.from(entry).toString()).join('\n')

export async function fuzz(bytes: Buffer): Promise<void> {
  writeFileSync(path, bytes)
  const options = { logKeys: [signer.vkey], checkpoints: [checkpointNote] }
  const report = await parsedLater(coded(), async () => await verifyLog(new JsonlFile(path), options))
  if (report?.status !== 'verified') return
  const begins = `${bytes}\n`.startsWith(`${signed}\n`)
  same(begins, true, 'entries that nobody signed are verified')
}

export function seeds(): Buffer[] {
  const statement =
    '{"v":1,"type":"events_dropped","statementOf":"fuzz.example/log","data":{"count":1,"reason":"closed"}}'
  return [signed, `${signed}\n`, `${signed}\n${statement}\n`, `${statement}\n`, '\n\n'].map((text) => Buffer.from(text))
}
