import { openAuditLogReader } from 'spanledger'
import { given, say } from './say.mjs'

// Follows a ledger from its beginning until it has seen so many events, or until nobody writes any more. Says what it saw
// twice.

const { directory, count } = given()[0]
const reader = await openAuditLogReader(directory)
const seen = new Set()
say('following')
for await (const { type, agent, data } of reader.follow()) {
  const { name } = /** @type {{ name?: unknown }} */ (data)
  const said = type === 'custom' ? name : type === 'run_started' ? agent?.name : undefined
  if (typeof said !== 'string' || !/^w\d:\d+$/.test(said)) continue
  if (seen.has(said)) say(`saw ${said} twice`)
  seen.add(said)
  if (seen.size === count) break
}
await reader.close()
