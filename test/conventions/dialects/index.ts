import type { Dialect } from '../dialect.js'
import { codingAgentDialects } from './coding-agents.js'
import { frameworkDialects } from './frameworks.js'
import { genAiDialects } from './gen-ai.js'
import { openInferenceDialects } from './openinference.js'
import { tableFrameworkDialects } from './table-frameworks.js'
import { traceloopDialects } from './traceloop.js'
import { vocabularyDialects } from './vocabulary.js'

/** The words of each convention, by its name; where it has several dialects, each with what is its own in brackets. */
export const dialects: Readonly<Record<string, Dialect>> = {
  ...genAiDialects,
  ...openInferenceDialects,
  ...frameworkDialects,
  ...traceloopDialects,
  ...vocabularyDialects,
  ...tableFrameworkDialects,
  ...codingAgentDialects,
}

/** Conventions that do not speak in these cases, and why. */
export const NOT_SPOKEN: Readonly<Record<string, string>> = {
  'traceloop-mcp': 'calls of tools, below the runs of others',
  'qwen-code': 'log records alone',
}

/** `ai-sdk (7)` → `ai-sdk` */
export function conventionOf(dialect: string): string {
  return dialect.replace(/ \(.*$/, '')
}
