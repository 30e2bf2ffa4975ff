import type { StatedContent } from '../../events/stated-content.js'
import type { ContentClass } from '../../events/types.js'

/** The content that is put back into events: none, error messages, stack traces and reasons, or everything. */
export type ContentChoice = 'none' | 'diagnostics' | 'all'

/** All choices. */
export const CONTENT_CHOICES: readonly ContentChoice[] = ['none', 'diagnostics', 'all']

/** Tells whether a choice takes in content of a class. */
export function takesIn(choice: ContentChoice, contentClass: ContentClass): boolean {
  return choice === 'all' || (choice === 'diagnostics' && contentClass === 'diagnostic')
}

/** @throws TypeError naming the option where it is no choice. @param of - the function that it was given to */
export function requireContentChoice(of: string, content: ContentChoice): void {
  if (CONTENT_CHOICES.includes(content)) return
  throw new TypeError(`${of}: content must be one of ${CONTENT_CHOICES.join(', ')}`)
}

/** Returns the bytes of content that an entry says are kept for it, of the values that a choice takes in. */
export function keptBytes(stated: StatedContent | undefined, choice: ContentChoice): number {
  let bytes = 0
  for (const item of stated?.items ?? []) {
    // Attacker-controlled: sizes that an entry states.
    if (item.level === 'content' && takesIn(choice, item.class) && item.bytes > 0) bytes += item.bytes
  }
  return bytes
}
