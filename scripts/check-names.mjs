import { readFileSync } from 'node:fs'
import { ENTRIES } from './entries.mjs'
import { declaredIn, exportedBy, sourceFiles, wordsOf } from './exported-names.mjs'

/*
 * Compares the words of exported names with the glossary of docs/architecture.md, and lists those that are not in it:
 * a new name uses the words that are there, or brings its own into the glossary. Words that need no explanation are in
 * plain-words.txt. The glossary also names words that are not used, since it has another for the same thing.
 */

const PAGE = 'docs/architecture.md'
const PLAIN = 'scripts/plain-words.txt'

/** The tables of the glossary: their terms, and the words in whose place these are used. */
function glossary() {
  const section = /^## Glossary$(.*?)^## /ms.exec(readFileSync(PAGE, 'utf8'))?.[1]
  if (section === undefined) throw new Error(`${PAGE} has no glossary`)
  const rows = [...section.matchAll(/^\| (\*\*.*?) \| (.*?) \|(.*)\|$/gm)]
  const terms = rows.flatMap(([, term = '', meaning = '']) => {
    const marked = [...term.matchAll(/\*\*(.+?)\*\*|`(.+?)`/g), ...meaning.matchAll(/(?<!\*)\*([^*]+)\*(?!\*)/g)]
    return marked.flatMap(([, bold, code]) => wordsOf(bold ?? code ?? ''))
  })
  const refused = rows.flatMap(([, term = '', , not = '']) =>
    not
      .split(',')
      .flatMap((word) => (word.trim() === '' ? [] : [{ word: word.trim(), term: term.replaceAll('*', '') }])),
  )
  return { terms: new Set(terms), refused: new Map(refused.map(({ word, term }) => [word, term])) }
}

/**
 * The forms under which the glossary may have a word: as it is, and without its ending.
 *
 * @param {string} word
 */
function formsOf(word) {
  const stems = [word.replace(/ies$/, 'y'), word.replace(/ied$/, 'y')]
  for (const ending of ['s', 'es', 'd', 'ed', 'ing', 'r', 'er', 'or', 'able', 'ion', 'ment']) {
    if (!word.endsWith(ending)) continue
    const stem = word.slice(0, -ending.length)
    stems.push(stem, `${stem}e`, stem.replace(/(.)\1$/, '$1'))
  }
  return [word, ...stems]
}

const { terms, refused } = glossary()
const plain = new Set(readFileSync(PLAIN, 'utf8').split(/\s+/).filter(Boolean))
const isPublic = new Set(
  Object.values(ENTRIES).flatMap((module) => exportedBy(`src/${module}.ts`).map(({ name, file }) => `${file} ${name}`)),
)

/** @type {Map<string, Set<string>>} */
const unknown = new Map()
/** @type {Map<string, Set<string>>} */
const misused = new Map()
for (const file of sourceFiles()) {
  for (const { name, members } of declaredIn(file)) {
    for (const each of [name, ...(isPublic.has(`${file} ${name}`) ? members : [])]) {
      for (const word of wordsOf(each)) {
        const forms = formsOf(word)
        const wrong = forms.find((form) => refused.has(form) && !terms.has(word))
        if (wrong) add(misused, `${word} (the glossary has ${refused.get(wrong)})`, `${each} in ${file}`)
        else if (!forms.some((form) => terms.has(form) || plain.has(form))) add(unknown, word, `${each} in ${file}`)
      }
    }
  }
}

/**
 * @param {Map<string, Set<string>>} map
 * @param {string} word
 * @param {string} where
 */
function add(map, word, where) {
  const places = map.get(word) ?? new Set()
  map.set(word, places.add(where))
}

/**
 * @param {string} title
 * @param {Map<string, Set<string>>} words
 */
function print(title, words) {
  if (words.size === 0) return
  console.error(`${title}:`)
  for (const [word, names] of [...words].sort()) console.error(`  ${word}: ${[...names].slice(0, 3).join(', ')}`)
  process.exitCode = 1
}

print('Words that the glossary does not use', misused)
print(`Words of exported names that neither the glossary nor ${PLAIN} has`, unknown)
if (process.exitCode === undefined)
  console.log(`${terms.size} words of the glossary, ${plain.size} plain ones: every exported name is made of these`)
