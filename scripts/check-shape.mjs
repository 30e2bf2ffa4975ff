import { readFileSync } from 'node:fs'
import { parseAst } from 'rolldown/parseAst'
import { Visitor } from 'rolldown/utils'
import { sourceFiles } from './exported-names.mjs'

/*
 * Checks the sources in the working directory: a file has fewer than 300 lines and no cast through `unknown` or `any`.
 * Biome checks the rest: no import cycles, types included, and no function with more than four parameters.
 */

const MAX_LINES = 299

let violations = 0
const files = sourceFiles()
for (const file of files) {
  const text = readFileSync(file, 'utf8')
  const lines = text.trimEnd().split('\n').length
  if (lines > MAX_LINES)
    report(`${file}: ${lines} lines, and at most ${MAX_LINES} are allowed: move one of its jobs to another file`)
  for (const start of doubleCasts(text)) {
    report(
      `${file}:${text.slice(0, start).split('\n').length}: a cast through 'unknown' or 'any' hides mistakes from the compiler: narrow the value, or change its type`,
    )
  }
}
if (violations > 0) process.exit(1)
console.log(`${files.length} files have at most ${MAX_LINES} lines and no cast through 'unknown'`)

/** @param {string} violation */
function report(violation) {
  violations++
  console.error(violation)
}

/**
 * Positions of casts whose operand is a cast to `unknown` or `any`.
 *
 * @param {string} text
 */
function doubleCasts(text) {
  /** @type {number[]} */
  const found = []
  new Visitor({
    TSAsExpression({ expression, start }) {
      const inner = expression.type === 'ParenthesizedExpression' ? expression.expression : expression
      const isCast = inner.type === 'TSAsExpression'
      if (isCast && ['TSUnknownKeyword', 'TSAnyKeyword'].includes(inner.typeAnnotation.type)) found.push(start)
    },
  }).visit(/** @type {any} */ (parseAst(text, { lang: 'ts' })))
  return found
}
