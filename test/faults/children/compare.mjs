import { openAuditLogReader } from 'spanledger'
import { wrongAnswers } from '../support/answers.mjs'
import { given, say } from './say.mjs'

// Reads a log that another process writes, again and again until SIGTERM, and compares what each snapshot answers with a
// scan of its entries.

const { directory, samples } = given()[0]
let isOver = false
process.on('SIGTERM', () => {
  isOver = true
})
const reader = await openAuditLogReader(directory, { refreshMillis: 3_600_000 })
say('comparing')
let last = -1
let snapshots = 0
while (!isOver) {
  try {
    await reader.refresh()
    const { size } = await reader.head()
    if (size < last) say(`wrong: ${last} entries have become ${size}`)
    if (size > last) snapshots++
    last = size
    for (const wrong of await wrongAnswers(reader, { samples })) say(`wrong: ${wrong}`)
  } catch (problem) {
    const { code, message } = /** @type {{ code?: string, message: string }} */ (problem)
    say(`wrong: ${code} ${message}`)
  }
}
await reader.close()
say(`compared ${snapshots}`)
