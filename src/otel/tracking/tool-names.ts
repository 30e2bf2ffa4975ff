/** The names that stand in where an instrumentation knows none. */
const NAMELESS = /^(?:unknown|unnamed|tool|execute_tool|tools\/call)?$/

export function isNameless(name: string): boolean {
  return NAMELESS.test(name.toLowerCase())
}

/**
 * Tells whether two names are of one tool. Frameworks put the name of a server before that of its tool: `weather__get`,
 * `mcp__weather__get`, `weather.get`; with a single mark only where a protocol of servers is in play.
 */
export function sameTool(one: string, other: string, ofServer: boolean): boolean {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()]
  if (a === b || isNameless(a) || isNameless(b)) return true
  const [long, short] = a.length >= b.length ? [a, b] : [b, a]
  if (!long.endsWith(short)) return false
  const prefix = long.slice(0, -short.length)
  return ofServer ? /[^a-z\d]$/.test(prefix) : /(?:__|[./:])$/.test(prefix)
}
