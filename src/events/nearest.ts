/** The known name that a mistyped one most likely means, or `undefined` when none is close. */
export function nearestName(mistyped: string, known: Iterable<string>): string | undefined {
  const wanted = mistyped.slice(0, MAX_LENGTH).toLowerCase()
  let nearest: string | undefined
  // A third of the letters may differ: more than that, and the suggestion misleads.
  let fewestEdits = Math.floor(wanted.length / 3) + 1
  for (const name of known) {
    const edits = editDistance(wanted, name.toLowerCase())
    if (edits >= fewestEdits) continue
    nearest = name
    fewestEdits = edits
  }
  return nearest
}

/** Names are short; a text of any length must not cost more than one. */
const MAX_LENGTH = 64

/** Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const substituted = at(previous, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1)
      let edits = Math.min(substituted, at(previous, column) + 1, at(current, column - 1) + 1)
      const swapped = column > 1 && row > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (swapped) edits = Math.min(edits, at(beforePrevious, column - 2) + 1)
      current.push(edits)
    }
    beforePrevious = previous
    previous = current
  }
  return at(previous, to.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] as number
}
