import type { ContentClass } from '../../events/types.js'

/** The content that is put back into events: none, error messages, stack traces and reasons, or everything. */
export type ContentChoice = 'none' | 'diagnostics' | 'all'

/** All choices. */
export const CONTENT_CHOICES: readonly ContentChoice[] = ['none', 'diagnostics', 'all']

/** Tells whether a choice takes in content of a class. */
export function takesIn(choice: ContentChoice, contentClass: ContentClass): boolean {
  return choice === 'all' || (choice === 'diagnostics' && contentClass === 'diagnostic')
}
