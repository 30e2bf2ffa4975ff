import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Opens a log, appends some events while LevelDB merges tables, and dies. Says what was appended, or what it was refused
// with.

const [directory, { durability }] = given()
try {
  const log = await openAuditLog(directory, { durability, on: { problem: () => {} } })
  for (let n = 0; n < 5; n++) {
    const name = `later:${n}`
    await log.append({ type: 'custom', data: { name } })
    say(name)
  }
} catch (problem) {
  const { code, message } = /** @type {{ code?: string, message: string }} */ (problem)
  say(`refused ${code ?? message}`)
}
process.kill(process.pid, 'SIGKILL')
