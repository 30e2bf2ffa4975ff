// Opens a log and records what its lines of input say: `append NAME` answers once it is durable, `record NAME` is in the journal
// alone until it is committed, `exit` ends the process without closing the log, `close` closes it.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [dist, directory] = process.argv.slice(2)
const { openAuditLog } = await import(pathToFileURL(`${dist}/index.js`).href)
// Without a checkpoint there is nothing that other logs note.
const log = await openAuditLog(directory, { checkpointIntervalMillis: 3_600_000 })
process.stdout.write('open\n')
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, name, runId = 'r-1'] = line.split(' ')
  const event = { type: 'custom', runId, data: { name } }
  if (verb === 'append') await log.append(event)
  else if (verb === 'record') log.record(event)
  else if (verb === 'exit') {
    // Nothing is committed between these calls and the end.
    for (let n = 0; n < 3; n++) log.record({ ...event, data: { name: `${name}-${n}` } })
    process.exit(0)
  } else await log.close()
  process.stdout.write(`${line}\n`)
}
