import type { Ancestors } from '../contract.js'

/*
 * LangChain puts into the metadata of every run which agent it belongs to. Tracers that know nothing of agents (Langfuse,
 * LangSmith) pass it on.
 */

/**
 * Tells whether a chain is an agent of LangChain's: the one its metadata name, or the outermost graph.
 *
 * @param metadata - reads an entry
 */
export function isLangChainAgent(name: string, metadata: (key: string) => unknown, { run }: Ancestors): boolean {
  if (metadata('lc_agent_name') === name) return run?.agent.name !== name
  return run === undefined && metadata('ls_integration') !== undefined
}
