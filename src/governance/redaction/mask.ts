const MASKED = /[\p{L}\p{N}\p{M}]/gu

/** Masks letters and digits: the rest keeps the shape of what was there. */
export function masked(text: string): string {
  return text.replace(MASKED, (character) => '*'.repeat(character.length))
}

/** Tells whether a text has something to mask. */
export function isMaskable(text: string): boolean {
  return /[\p{L}\p{N}\p{M}]/u.test(text)
}
