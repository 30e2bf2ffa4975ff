const MAX_REMEMBERED = 2000
/** No longer text is remembered: names are short. */
const MAX_LENGTH = 40

/** Returns a function that remembers its results for short texts, as names of members are: the same ones come in each event. */
export function remembering<T>(compute: (text: string) => T): (text: string) => T {
  const results = new Map<string, T>()
  return (text) => {
    if (text.length > MAX_LENGTH) return compute(text)
    const known = results.get(text)
    if (known !== undefined || results.has(text)) return known as T
    const result = compute(text)
    if (results.size >= MAX_REMEMBERED) results.clear()
    results.set(text, result)
    return result
  }
}
