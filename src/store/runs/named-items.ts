import type { AgentRef } from '../../events/types.js'
import { namedAgent } from './run-facts.js'
import { MAX_NAMED, type ToolUse } from './run-overview.js'

/** The items of a kind that a run has named, and the number of events that name others. */
export interface Named<T> {
  readonly items: T[]
  omitted: number
}

/** The calls of a tool, by their events. */
export type ToolCounts = { -readonly [Field in keyof ToolUse]: ToolUse[Field] }

/**
 * Adds an agent to those that a run names. Two events name one agent if their ids are the same or, where one has none,
 * their names.
 *
 * @returns the agent as this event names it; `undefined` where it has neither an id nor a name
 */
export function nameAgent(agents: Named<AgentRef>, stated: AgentRef): AgentRef | undefined {
  const { items } = agents
  for (let at = 0; at < items.length; at++) {
    const known = items[at] as AgentRef
    // As most events say it.
    if (known.id === stated.id && known.name === stated.name) return known
  }
  const agent = namedAgent(stated)
  if (!agent) return undefined
  const { id, name } = agent
  for (let at = 0; at < items.length; at++) {
    const known = items[at] as AgentRef
    if (known.id !== undefined && id !== undefined ? known.id !== id : known.name !== name) continue
    items[at] = { ...agent, ...known }
    return agent
  }
  if (items.length < MAX_NAMED) items.push(agent)
  else agents.omitted++
  return agent
}

/** Adds a model to those that a run names. */
export function nameModel(models: Named<string>, model: string): void {
  if (models.items.includes(model)) return
  if (models.items.length < MAX_NAMED) models.items.push(model)
  else models.omitted++
}

/** Adds a tool to those that a run names. @returns its counts; `undefined` where there is no room for another tool */
export function nameTool(tools: Named<ToolCounts>, name: string): ToolCounts | undefined {
  const known = tools.items.find((tool) => tool.name === name)
  if (known) return known
  if (tools.items.length >= MAX_NAMED) {
    tools.omitted++
    return undefined
  }
  const tool = { name, started: 0, completed: 0, failed: 0 }
  tools.items.push(tool)
  return tool
}
