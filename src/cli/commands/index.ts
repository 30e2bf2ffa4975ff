import type { Command } from '../command.js'
import { agents } from './agents.js'
import { backup } from './backup.js'
import { completion } from './completion.js'
import { content } from './content.js'
import { doctor } from './doctor.js'
import { exportEvents } from './export.js'
import { keys } from './keys.js'
import { postgres } from './postgres.js'
import { prove } from './prove.js'
import { query } from './query.js'
import { record } from './record.js'
import { reindex } from './reindex.js'
import { runs } from './runs.js'
import { sessions } from './sessions.js'
import { show } from './show.js'
import { stats } from './stats.js'
import { tail } from './tail.js'
import { verify } from './verify.js'

/** All commands: help and completion are made from these. */
export const commands: Readonly<Record<string, Command>> = {
  tail,
  query,
  runs,
  show,
  content,
  sessions,
  agents,
  stats,
  verify,
  prove,
  export: exportEvents,
  record,
  doctor,
  keys,
  backup,
  reindex,
  postgres,
  completion: completion(() => commands),
}
