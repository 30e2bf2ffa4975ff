import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'

export const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** The README's code blocks of one language, in their order. */
export function blocksOf(language: 'ts' | 'text'): readonly string[] {
  const block = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm')
  return [...readme.matchAll(block)].map(([, text]) => text as string)
}

/** What is printed until the test has finished. */
export function printedLines(): () => string {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  onTestFinished(() => log.mockRestore())
  return () => log.mock.calls.map((line) => `${line.join(' ')}\n`).join('')
}

/** What stays the same from run to run. */
export function lasting(output: string): string {
  return output
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/"durationMs":[\d.]+/g, '"durationMs":<ms>')
    .replace(/[\d.]+ ms/g, '<ms>')
}
