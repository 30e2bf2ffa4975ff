/** Names of LangChain's own classes, where an instrumentation puts them in the place of a name. */
const CLASS_NAME = /^(?:Runnable\w*|Compiled(?:State)?Graph|Pregel|Channel\w+|unknown)$/

/** Tells whether a name is that of a class of LangChain's. */
export function isClassName(name: string): boolean {
  return CLASS_NAME.test(name)
}

/** A prompt or a parser is called on its own as well; that makes it no run. */
const MERE_PART = /^(?:prompt|parser)$|(?:Prompt|PromptTemplate|OutputParser)$/

/** Tells whether a name is that of a prompt or a parser. */
export function isMerePart(name: string): boolean {
  return MERE_PART.test(name)
}

const HANDOFF_TOOL = /^transfer_(?:back_)?to_(.+)/

/** By LangGraph's convention such a tool hands over; what it returns tells for certain. */
export function isHandoffTool(name: string): boolean {
  return HANDOFF_TOOL.test(name)
}

/** Returns the agent that a tool of such a name hands over to. */
export function handoffTargetIn(toolName: string): string | undefined {
  return HANDOFF_TOOL.exec(toolName)?.[1]
}
