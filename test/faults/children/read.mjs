import { contentsOf } from '../support/contents.mjs'
import { given, say } from './say.mjs'

// Opens a log, reads all of it, and says what came of it: LevelDB may take the process down with it.

const [directory, { answers }] = given()
try {
  say(JSON.stringify(await contentsOf(directory, { verify: true, answers })))
} catch (problem) {
  const { code, message, whileReading } = /** @type {{ code?: string, message: string, whileReading?: boolean }} */ (
    problem
  )
  say(JSON.stringify({ problem: { code, message, whileReading } }))
}
