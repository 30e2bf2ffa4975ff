/** Source of a pattern: the end of a line in a number that continues on the next one. A dash may stand before it, and blanks around. */
export const NEXT_LINE: string = String.raw`-?[ \t]{0,4}(?:\r?\n|\u2028)[ \t]{0,4}`
