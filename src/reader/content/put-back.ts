import type { ResolvedContent } from '../../content/contract.js'
import { isPseudonym } from '../../content/subject-key.js'
import { defineMember } from '../../events/object-members.js'
import { fieldsOf } from '../../events/recorded-fields.js'
import { statedContentOf } from '../../events/stated-content.js'
import type { ContentOutcome } from '../../events/types.js'
import { type ContentChoice, takesIn } from './choice.js'
import { pathOf } from './field-path.js'

/**
 * Puts values back where they were taken from, and gives each item of `content` that a choice takes in its status. No other item has one,
 * whatever the entry says.
 *
 * @param event - parsed from the bytes of an entry: nobody else has it
 * @param resolved - an outcome for each item of the event that the choice takes in, in their order
 */
export function putContentBack(
  event: object,
  resolved: readonly (ContentOutcome & Pick<Partial<ResolvedContent>, 'value'>)[],
  choice: ContentChoice,
): void {
  const { content } = fieldsOf(event) as { content?: unknown }
  const { items } = fieldsOf(content)
  for (const item of Array.isArray(items) ? items : []) withoutOutcome(item)
  const wanted = statedContentOf(content)?.items.filter((item) => takesIn(choice, item.class)) ?? []
  for (const [at, item] of wanted.entries()) {
    const found = resolved[at]
    if (!found) continue
    const { status, erasure, value } = found
    Object.assign(item, { status }, erasure && { erasure })
    if (status === 'readable') putBack(event, item.field, value)
  }
}

function withoutOutcome(item: unknown): void {
  const outcome = fieldsOf(item) as { status?: unknown; erasure?: unknown }
  delete outcome.status
  delete outcome.erasure
}

/**
 * Puts a value back where it was taken from. What the event has there is kept, but for a pseudonym, which stands for a person or for a
 * text that was no name and no id, and for what stands for the value in a list. Other ids of the envelope stay: events are found by them.
 */
function putBack(event: object, field: string, value: unknown): void {
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
