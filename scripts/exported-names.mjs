import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseAst } from 'rolldown/parseAst'
import { Visitor } from 'rolldown/utils'

/*
 * The names that the source files export, read from their syntax.
 */

/**
 * One exported name.
 *
 * @typedef {object} ExportedName
 * @property {string} name
 * @property {string} file the source file that declares it
 * @property {string} kind `interface`, `class`, `function`, `type`, `const`
 * @property {string} summary the first sentence of its doc comment
 * @property {readonly string[]} members its fields and methods, or the texts that a type is one of
 */

/** The source files, without tests. */
export function sourceFiles(root = 'src') {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(root, file))
    .sort()
}

/** @type {Map<string, { text: string, body: readonly any[] }>} */
const parsed = new Map()

/** @param {string} file */
function parse(file) {
  const known = parsed.get(file)
  if (known) return known
  const text = readFileSync(file, 'utf8')
  const { body } = /** @type {{ body: any[] }} */ (parseAst(text, { lang: 'ts' }))
  const read = { text, body }
  parsed.set(file, read)
  return read
}

/**
 * The names that a file declares and exports.
 *
 * @param {string} file
 * @returns {ExportedName[]}
 */
export function declaredIn(file) {
  const { text, body } = parse(file)
  return body
    .filter(({ type, declaration }) => type === 'ExportNamedDeclaration' && declaration)
    .flatMap(({ declaration, start }) => {
      const summary = summaryAbove(text, start)
      const nodes = declaration.declarations ?? [declaration]
      return nodes
        .filter((/** @type {any} */ node) => node.id?.name)
        .map((/** @type {any} */ node) => ({
          name: node.id.name,
          file,
          kind: KINDS[declaration.type] ?? 'const',
          summary,
          members: membersOf(declaration),
        }))
    })
}

/**
 * The names that an entry exports, its own and those of other files.
 *
 * @param {string} file
 * @returns {ExportedName[]}
 */
export function exportedBy(file) {
  const { body } = parse(file)
  const own = declaredIn(file)
  const others = body
    .filter(({ type, source }) => type === 'ExportNamedDeclaration' && source)
    .flatMap(({ specifiers, source }) => {
      const from = join(dirname(file), source.value.replace(/\.js$/, '.ts'))
      if (!existsSync(from)) return []
      const there = exportedBy(from)
      return specifiers.map((/** @type {any} */ { local, exported }) => {
        const found = there.find(({ name }) => name === local.name)
        if (!found) throw new Error(`${file} exports ${local.name}, which ${from} does not`)
        return { ...found, name: exported.name }
      })
    })
  return [...own, ...others]
}

/** @type {Record<string, string>} */
const KINDS = {
  TSInterfaceDeclaration: 'interface',
  ClassDeclaration: 'class',
  FunctionDeclaration: 'function',
  TSDeclareFunction: 'function',
  TSTypeAliasDeclaration: 'type',
}

/** @param {any} declaration */
function membersOf(declaration) {
  const literals = declaration.typeAnnotation?.types?.map((/** @type {any} */ { literal }) => literal?.value)
  if (literals?.every((/** @type {unknown} */ value) => typeof value === 'string')) return literals
  const members = declaration.body?.body ?? declaration.typeAnnotation?.members ?? []
  if (!Array.isArray(members)) return []
  const names = members
    .filter((/** @type {any} */ member) => member.accessibility !== 'private' && !member.computed)
    .map((/** @type {any} */ { key }) => (key?.type === 'Identifier' ? key.name : undefined))
    .filter((/** @type {string | undefined} */ name) => name !== undefined && name !== 'constructor')
  return [...new Set(/** @type {string[]} */ (names))]
}

/**
 * The names of all functions and methods of a file, exported or not.
 *
 * @param {string} file
 * @returns {string[]}
 */
export function functionsIn(file) {
  /** @type {Set<string>} */
  const names = new Set()
  const add = (/** @type {any} */ key) => key?.name && names.add(key.name)
  const isFunction = (/** @type {any} */ node) => /^(Arrow)?Function/.test(node?.type ?? '')
  new Visitor({
    FunctionDeclaration: ({ id }) => add(id),
    MethodDefinition: ({ kind, key }) => kind === 'method' && add(key),
    TSMethodSignature: ({ kind, key }) => kind === 'method' && add(key),
    VariableDeclarator: ({ id, init }) => isFunction(init) && add(id),
    PropertyDefinition: ({ key, value }) => isFunction(value) && add(key),
  }).visit(/** @type {any} */ (parseAst(readFileSync(file, 'utf8'), { lang: 'ts' })))
  return [...names]
}

/**
 * The reason why a summary is no meaning of a name; `undefined` for a good one.
 *
 * @param {string} summary
 */
export function summaryFlaw(summary) {
  if (summary === '') return 'no summary'
  const first = /^(What|Where|Whether|Which|How|Who|Whose|Why|When|It|If) /.exec(summary)?.[1]
  return first && `begins with '${first}', not with a noun phrase or a verb in the third person`
}

/**
 * The first sentence of the doc comment that ends where a declaration begins.
 *
 * @param {string} text
 * @param {number} start
 */
function summaryAbove(text, start) {
  const above = text.slice(0, start).trimEnd()
  if (!above.endsWith('*/')) return ''
  const comment = above.slice(above.lastIndexOf('/**') + 3, -2)
  const prose = comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .split(/\n\s*(?:@|\n|```|- |\|)/)[0]
    ?.replace(/\{@link ([^}]+)\}/g, '`$1`')
    .replace(/\s+/g, ' ')
    .trim()
  return /^.*?[.:](?= [A-Z`]|$)/.exec(prose ?? '')?.[0].replace(/[.:]$/, '') ?? prose ?? ''
}

/**
 * The words of a name, in lower case: `openAuditLogReader` has four.
 *
 * @param {string} name
 */
export function wordsOf(name) {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .split(/[\s_-]+/)
    .map((word) => word.toLowerCase())
    .filter((word) => word !== '' && !/^\d+$/.test(word))
}
