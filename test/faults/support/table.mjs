/** @typedef {import('../suite.mjs').Findings} Findings */

const COLUMNS = ['scenario', 'rounds', 'faults', 'acknowledged', 'lost', 'duplicated', 'seconds', '']

/**
 * @param {readonly [string, Findings, number][]} rows title, findings, milliseconds
 * @returns {string}
 */
export function table(rows) {
  const cells = [
    COLUMNS,
    ...rows.map(([title, { rounds, faults, acknowledged, lost, duplicated, note }, millis]) => [
      title,
      ...[rounds, faults, acknowledged, lost, duplicated].map((count) => count.toLocaleString('en')),
      (millis / 1000).toFixed(1),
      note ?? '',
    ]),
  ]
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const lines = cells.map((row) =>
    row
      .map((cell, column) => {
        const isText = column === 0 || column === COLUMNS.length - 1
        return isText ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
      })
      .join('  ')
      .trimEnd(),
  )
  return `\n${lines[0]}\n${'-'.repeat(lines[0]?.length ?? 0)}\n${lines.slice(1).join('\n')}`
}
