import type { Convention } from '../contract.js'
import { type Dialect, reportOf } from '../gemini-cli/events.js'

const DIALECT: Dialect = {
  agent: { name: 'qwen-code' },
  provider: undefined,
  prefixes: ['qwen-code.', 'qwen_code.'],
}

/** Qwen Code, as log records. Its events are those of Gemini CLI, which it has come from, under a name of its own. */
export const qwenCodeConvention: Convention = {
  name: 'qwen-code',
  eventPrefixes: DIALECT.prefixes,

  recognise() {
    return undefined
  },

  report: (event) => reportOf(event, DIALECT),
}
