import { existsSync, readFileSync } from 'node:fs'
import { ENTRIES } from './entries.mjs'
import { declaredIn, exportedBy, functionsIn, sourceFiles, summaryFlaw, wordsOf } from './exported-names.mjs'

/*
 * Checks the names of the sources in the working directory against the glossary of docs/architecture.md:
 *
 * - Each word of an exported name is in the glossary or in plain-words.txt. A new term brings its own row.
 * - No exported name has a word that the table of things refuses, and no function begins with a verb that the table of acts refuses.
 * - Each public name has a summary.
 *
 *   node scripts/check-names.mjs --verbs     prints the first words of all functions, each with its functions
 */

const PAGE = 'docs/architecture.md'
const PLAIN = 'scripts/plain-words.txt'

/**
 * The rows of one table of the glossary.
 *
 * @param {string} title
 */
function tableOf(title) {
  const text = new RegExp(`^### ${title}$(.*?)^#{2,3} `, 'ms').exec(readFileSync(PAGE, 'utf8'))?.[1]
  if (text === undefined) throw new Error(`${PAGE} has no table of ${title.toLowerCase()}`)
  const rows = [...text.matchAll(/^\| (\*\*.*?) \| (.*?) \|(.*)\|$/gm)]
  const terms = rows.flatMap(([, term = '', meaning = '']) => {
    const marked = [...term.matchAll(/\*\*(.+?)\*\*|`(.+?)`/g), ...meaning.matchAll(/(?<!\*)\*([^*]+)\*(?!\*)/g)]
    return marked.map(([, bold, code]) => bold ?? code ?? '')
  })
  const refused = rows.flatMap(([, term = '', , not = '']) =>
    not
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean)
      .map((word) => /** @type {const} */ ([word, term.replaceAll('*', '')])),
  )
  return { terms, refused: new Map(refused) }
}

/** The words that need no explanation; a line that begins with `#` is the title of a section. */
function plainWords() {
  const lines = readFileSync(PLAIN, 'utf8').split('\n')
  return new Set(lines.filter((line) => !line.startsWith('#')).flatMap((line) => line.split(/\s+/).filter(Boolean)))
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

/** The functions and methods of all files by their first words. */
function functionsByVerb() {
  /** @type {Map<string, Set<string>>} */
  const found = new Map()
  for (const file of sourceFiles()) {
    for (const name of functionsIn(file)) add(found, wordsOf(name)[0] ?? name, `${name} in ${file}`)
  }
  return new Map([...found].sort())
}

function check() {
  const things = tableOf('Things')
  const acts = tableOf('Acts')
  const terms = new Set([...things.terms, ...acts.terms].flatMap(wordsOf))
  const plain = plainWords()
  const entries = Object.values(ENTRIES)
    .map((module) => `src/${module}.ts`)
    .filter((file) => existsSync(file))
  const published = entries.flatMap((file) => exportedBy(file))
  const isPublic = new Set(published.map(({ name, file }) => `${file} ${name}`))
  /** @type {Map<string, Set<string>>} */
  const unknown = new Map()
  /** @type {Map<string, Set<string>>} */
  const misused = new Map()
  for (const file of sourceFiles()) {
    for (const { name, members } of declaredIn(file)) {
      for (const each of [name, ...(isPublic.has(`${file} ${name}`) ? members : [])]) {
        for (const word of wordsOf(each)) {
          const forms = formsOf(word)
          const wrong = forms.find((form) => things.refused.has(form) && !terms.has(word))
          if (wrong) add(misused, `${word} (the glossary has ${things.refused.get(wrong)})`, `${each} in ${file}`)
          else if (!forms.some((form) => terms.has(form) || plain.has(form))) add(unknown, word, `${each} in ${file}`)
        }
      }
    }
  }
  /** @type {Map<string, Set<string>>} */
  const wrongVerbs = new Map()
  for (const [verb, names] of functionsByVerb()) {
    const act = acts.refused.get(verb)
    // `note()` and `check()` return a thing of that name.
    const wrong = [...names].filter((each) => !each.startsWith(`${verb} `) || !things.terms.includes(verb))
    if (act !== undefined) for (const each of wrong) add(wrongVerbs, `${verb} (the glossary has ${act})`, each)
  }
  /** @type {Map<string, Set<string>>} */
  const flaws = new Map()
  for (const { name, file, summary } of published) {
    const flaw = summaryFlaw(summary)
    if (flaw !== undefined) add(flaws, flaw, `${name} in ${file}`)
  }
  print('Words that the glossary does not use', misused)
  print('Verbs that the glossary does not use', wrongVerbs)
  print(`Words of exported names that neither the glossary nor ${PLAIN} has`, unknown)
  print('Summaries of public names', flaws)
  if (process.exitCode === undefined)
    console.log(`${terms.size} words of the glossary, ${plain.size} plain ones: every exported name is made of these`)
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

if (process.argv.includes('--verbs')) {
  for (const [verb, names] of functionsByVerb()) {
    console.log(`${verb}: ${[...new Set([...names].map((name) => name.split(' ')[0]))].join(', ')}`)
  }
} else check()
