// What is recorded is a decision: a policy file says which values are kept, a function of your own takes names out of them, and the key
// lies elsewhere. Values are read back with the key, and one of them is proved to somebody who has none.
import { writeFileSync } from 'node:fs'
import { openAuditLog } from 'spanledger'
import { openAuditLogReader } from 'spanledger/reader'
import { verifyContentProof } from 'spanledger/verify'

// A file that whoever answers for the data can change while the service runs.
writeFileSync(
  'policy.json',
  JSON.stringify({
    name: 'support-desk',
    version: '1',
    rules: [
      { name: 'probes', match: { agent: 'probe' }, payload: 'none' },
      { name: 'orders', match: { tool: 'orders__*' }, payload: 'content' },
    ],
    redact: { email: true },
  }),
)
// In a service: a mounted secret, or a key management service (docs/governance.md).
const contentKeys = { keyFile: './elsewhere/content.key' }

const log = await openAuditLog('./audit', {
  policy: './policy.json',
  redactors: { names: (text) => text.replaceAll('Ann Smith', '*** *****') },
  contentKeys,
})
const call = {
  callId: 'call-1',
  tool: { name: 'orders__find' },
  arguments: { customer: 'Ann Smith', mail: 'ann@example.com', order: 4711 },
  result: { status: 'shipped' },
}
const of = { runId: 'run-1', agent: { name: 'support' }, actor: { id: 'ann' } }
// Left out by the first rule.
log.record({ type: 'run_started', runId: 'run-0', agent: { name: 'probe' }, data: { agent: { name: 'probe' } } })
// Kept by the second one.
const { seq } = await log.append({ ...of, type: 'tool_call_completed', data: call })
// No rule says anything: digests, and an error message without the number of the card.
const search = { ...call, callId: 'call-2', tool: { name: 'search' } }
await log.append({ ...of, type: 'tool_call_completed', data: search })
await log.append({
  ...of,
  type: 'error_occurred',
  data: { operation: 'charge', error: { code: 'card_declined', message: 'Card 4111 1111 1111 1111 was declined' } },
})
await log.close()

// With the key, each value is read back.
const reader = await openAuditLogReader('./audit', { contentKeys })
const events = await reader.events({ runId: 'run-1' }).toArray()
for (const event of events) {
  for (const { field, status, value } of await reader.content(event)) console.log(event.seq, field, status, value ?? '')
}
const completed = await reader.get(seq)
if (!completed) throw new Error('the entry is missing')
const proof = await reader.proveContent(completed, 'data.result')
await reader.close()

// Without it, the entry is all that there is. Whoever has the proof as well can tell that the value is the one that was recorded.
const withoutKey = await openAuditLogReader('./audit', { contentKeys: false })
const [entry] = await withoutKey.events({ runId: 'run-1' }).toArray()
console.log('In the entry:', entry.data, entry.content)
verifyContentProof(proof)
const isOfEntry = entry.content?.items.some(({ digest }) => digest === proof.digest)
console.log('Proved:', proof.value, isOfEntry)
await withoutKey.close()
