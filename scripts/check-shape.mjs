import { readFileSync } from 'node:fs'
import { parseAst } from 'rolldown/parseAst'
import { Visitor } from 'rolldown/utils'
import { sourceFiles } from './exported-names.mjs'

/*
 * What no file of src may be: 300 lines long, or blind to the compiler by a cast through `unknown`. Biome looks for the
 * rest: import cycles, types included, and functions with more than four parameters.
 */

const MAX_LINES = 299

let violations = 0
const files = sourceFiles()
for (const file of files) {
  const text = readFileSync(file, 'utf8')
  const lines = text.trimEnd().split('\n').length
  if (lines > MAX_LINES) report(`${file}: ${lines} lines; the most is ${MAX_LINES}: which of its jobs goes elsewhere?`)
  for (const start of doubleCasts(text)) {
    report(
      `${file}:${text.slice(0, start).split('\n').length}: a cast through 'unknown' or 'any' hides mistakes from the compiler`,
    )
  }
}
if (violations > 0) process.exit(1)
console.log(`${files.length} files are short enough, and cast nothing through 'unknown'`)

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
