/** Masks letters and digits: the rest keeps the shape of what was there. */
export function masked(text: string): string {
  return text.replace(/[\p{L}\p{N}\p{M}]/gu, (character) => '*'.repeat(character.length))
}

/** {@link masked}, but for so many characters at the beginning. */
export function maskedBehind(text: string, kept: number): string {
  return text.slice(0, kept) + masked(text.slice(kept))
}

/** {@link masked}, but for the last digits. */
export function maskedBefore(text: string, keptDigits: number): string {
  let left = keptDigits
  let at = text.length
  while (left > 0 && at > 0) if (/\d/.test(text[--at] as string)) left--
  return masked(text.slice(0, at)) + text.slice(at)
}
