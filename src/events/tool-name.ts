/** The types of events that name a tool, in `data.tool.name`, begin with this. */
const TOOL_TYPE = 'tool_'

/** Returns whether events of a type name a tool. */
export function isToolType(type: string): boolean {
  return type.startsWith(TOOL_TYPE)
}

/** Returns the name of the tool that an event is about. Nothing of `data` is believed: whoever wrote the log chose it. */
export function toolNameOf(type: string, data: unknown): string | undefined {
  if (!isToolType(type)) return undefined
  const name = (data as { readonly tool?: { readonly name?: unknown } | null } | null | undefined)?.tool?.name
  return typeof name === 'string' ? name : undefined
}
