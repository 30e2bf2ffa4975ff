import { isPseudonym } from '../../content/subject-key.js'
import { defineMember } from '../../events/object-members.js'

/** Takes the path of a content field apart. A name in it may hold dots, which are escaped. */
export function pathOf(field: string): readonly string[] {
  const names: string[] = []
  let name = ''
  for (let at = 0; at < field.length; at++) {
    const character = field[at] as string
    if (character === '\\' && at + 1 < field.length) name += field[++at]
    else if (character === '.') {
      names.push(name)
      name = ''
    } else name += character
  }
  names.push(name)
  return names
}

/**
 * Puts a value back where it was taken from. What the event has there is kept, but for a pseudonym, which stands for a name or an id that
 * was none, and for what stands for the value in a list. Ids of the envelope stay: events are found by them.
 *
 * @param event - parsed from the bytes of an entry: nobody else has it
 */
export function putBack(event: object, field: string, value: unknown): void {
  const path = pathOf(field)
  if (field === 'actor.id') {
    putBackActor(event, value)
    return
  }
  if (path[0] !== 'data') return
  let holder: unknown = event
  for (const name of path.slice(0, -1)) holder = ownMember(holder, name)
  const name = path.at(-1) as string
  if (typeof holder !== 'object' || holder === null) return
  const standIn = ownMember(holder, name)
  const isFree = (Array.isArray(holder) ? standIn === null : !Object.hasOwn(holder, name)) || isPseudonym(standIn)
  if (isFree) defineMember(holder, name, value)
}

function putBackActor(event: object, id: unknown): void {
  const { actor, claimed } = event as { readonly actor?: { id?: unknown }; readonly claimed?: { userId?: unknown } }
  if (typeof actor !== 'object' || actor === null || typeof id !== 'string') return
  if (claimed && claimed.userId === actor.id) claimed.userId = id
  actor.id = id
}

function ownMember(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) return undefined
  return (holder as Record<string, unknown>)[name]
}
