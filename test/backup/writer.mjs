// Writes two logs of a ledger that note each other, until it is killed: node writer.mjs DIST DIR. Says `writing`.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const [, , dist = '', directory = ''] = process.argv
/** @param {string} path */
const load = (path) => import(pathToFileURL(join(dist, path)).href)
const { openAuditLog } = await load('index.js')
const { recordStatement } = await load('log/statements.js')
const { Ed25519Signer, parseCheckpoint, parseNote, signNote } = await load('checkpoint/index.js')

const places = [directory, join(directory, 'logs', '1')]
const logs = []
for (const place of places) logs.push(await openAuditLog(place, { checkpointIntervalMillis: 5 }))
const [key, vkey] = await Promise.all([
  readFile(join(directory, 'keys', 'signing.key'), 'utf8'),
  readFile(join(directory, 'logs', '1', 'keys', 'signing.vkey'), 'utf8'),
])
const signer = Ed25519Signer.fromSkey(key.trim())
const data = { ledger: signer.name, log: 1, vkey: vkey.trim() }
const text = `spanledger.dev/ledger-log\n${data.ledger}\n1\n${data.vkey}\n`
recordStatement(logs[1], { type: 'ledger_joined', data: { ...data, statement: await signNote(text, [signer]) } })

/** @param {number} log */
async function stateOf(log) {
  const { text, signatures } = parseNote(await readFile(join(places[log] ?? '', 'checkpoint'), 'utf8'))
  const { origin, size, root } = parseCheckpoint(text)
  const [{ keyId, signature }] = signatures
  const id = Buffer.alloc(4)
  id.writeUInt32BE(keyId)
  return {
    log,
    origin,
    size: Number(size),
    root: Buffer.from(root).toString('base64'),
    signature: Buffer.concat([id, signature]).toString('base64'),
  }
}

for (let round = 0; ; round++) {
  for (const log of logs) {
    for (let n = 0; n < 5; n++)
      log.record({ type: 'custom', data: { name: `event ${round}-${n}`, text: 'x'.repeat(400) } })
  }
  await Promise.all(logs.map((log) => log.flush()))
  await Promise.all(logs.map((log) => log.checkpoint()))
  // As rarely as a log notes its siblings, beside the time that it takes to copy them.
  for (const number of round % 40 === 0 ? [0, 1] : []) {
    recordStatement(logs[number], { type: 'siblings_noted', data: { logs: [await stateOf(1 - number)] } })
  }
  // A steady load, which leaves the machine to those who copy.
  await setTimeout(10)
  if (round === 40) process.send?.('writing')
}
