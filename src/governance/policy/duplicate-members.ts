/** A token of JSON that was parsed before, so that nothing else can be between two of them. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],]/g

interface Level {
  /** Names of an object's members; `undefined` for a list. */
  readonly names: Set<string> | undefined
  /** The member or the item that is being read. */
  at: string
  /** A text comes next that is a name. */
  isName: boolean
  item: number
}

/**
 * Finds a member that an object has twice: `JSON.parse` takes the last one, and a person reads the first.
 *
 * @param json - valid JSON
 * @returns the path of the first such member; `undefined` where there is none
 */
export function duplicateMember(json: string): string | undefined {
  const levels: Level[] = []
  for (const [token] of json.matchAll(TOKEN)) {
    const level = levels.at(-1)
    if (token === '{') levels.push({ names: new Set(), at: '', isName: true, item: 0 })
    else if (token === '[') levels.push({ names: undefined, at: '[0]', isName: false, item: 0 })
    else if (token === '}' || token === ']') levels.pop()
    else if (!level) continue
    else if (token === ',') advance(level)
    else if (level.names && level.isName) {
      // Attacker-controlled: a text of JSON that was parsed before.
      level.at = JSON.parse(token) as string
      level.isName = false
      if (level.names.has(level.at)) return pathOf(levels)
      level.names.add(level.at)
    }
  }
  return undefined
}

function advance(level: Level): void {
  level.isName = level.names !== undefined
  if (!level.names) level.at = `[${++level.item}]`
}

function pathOf(levels: readonly Level[]): string {
  return levels.reduce((path, { names, at }) => (names && path !== '' ? `${path}.${at}` : `${path}${at}`), '')
}
