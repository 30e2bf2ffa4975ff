import { register } from 'node:module'

// From here on, what lies outside of this folder counts as not installed.
const here = new URL('.', import.meta.url).href
const onlyFromHere = `export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context)
  if (['node:', '${here}'].some((known) => resolved.url.startsWith(known))) return resolved
  throw new Error(specifier + ' is not installed here')
}`
register(`data:text/javascript,${encodeURIComponent(onlyFromHere)}`)
