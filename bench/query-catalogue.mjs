// What each kind of query takes on a log of skewed events: queries.mjs, in a process of its own.
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const FULL = ['--size', '1000000']
const QUICK = ['--size', '2000', '--rounds', '3']

export const title = 'Queries'
export const format = 2

export async function run({ quick, log }) {
  const program = join(import.meta.dirname, 'queries.mjs')
  const child = spawn(process.execPath, [program, '--json', ...(quick ? QUICK : FULL)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  let output = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) output += chunk
  if ((await ended) !== 0) throw new Error('bench/queries.mjs failed')
  const result = JSON.parse(output)
  log(`${Object.keys(result.rows).length} queries of ${result.size} events`)
  return result
}

/** The fields are those that queries.mjs prints. */
export function tables({ size, rows }) {
  const [fields] = Object.values(rows).map(Object.keys)
  return [
    {
      title: `${size.toLocaleString('en')} events`,
      columns: ['', ...fields],
      rows: Object.entries(rows).map(([question, row]) => [question, ...fields.map((field) => row[field])]),
    },
  ]
}
