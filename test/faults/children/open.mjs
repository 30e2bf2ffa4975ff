import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Opens a log that may be open elsewhere, and says what came of it.

const [directory, name] = given()
try {
  const log = await openAuditLog(directory)
  await log.append({ type: 'custom', data: { name } })
  say('appended')
  await log.close()
} catch (problem) {
  const { code } = /** @type {{ code?: string }} */ (problem)
  say(code ?? String(problem))
}
