/** Takes the path of a content field apart. A name in it may hold dots, which are escaped. */
export function pathOf(field: string): readonly string[] {
  const names: string[] = []
  let name = ''
  for (let at = 0; at < field.length; at++) {
    const character = field[at] as string
    if (character === '\\' && at + 1 < field.length) name += field[++at]
    else if (character === '.') {
      names.push(name)
      name = ''
    } else name += character
  }
  names.push(name)
  return names
}
