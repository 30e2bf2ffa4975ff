// Bars as an SVG, drawn for light and dark pages alike.

const WIDTH = 800
/** Pixels that a character takes at most, on average over a label: those of a wide font, such as DejaVu Sans or Verdana. */
const CHARACTER_WIDTH = 7.2
const LABEL_GAP = 10
const VALUE_WIDTH = 80
const BAR_HEIGHT = 20
const GAP = 6
const HEAD_HEIGHT = 34
const AXIS_HEIGHT = 24
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #57606a }
  .title { font-weight: 600; fill: #24292f }
  .axis { font-style: italic }
  .bar { fill: #afb8c1 }
  .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .title { fill: #f0f6fc } .bar { fill: #484f58 } .ours { fill: #4493f8 }
  }`

/**
 * @param {{ title: string, axis: string, panels: { title: string,
 * bars: { label: string, value: number, text: string, isOurs: boolean }[] }[] }} chart - `axis` says what the bars measure
 * and which of them is better; each panel has a scale of its own
 */
export function barChart({ title, axis, panels }) {
  const labelWidth = Math.ceil(Math.max(...panels.flatMap(({ bars }) => bars).map(widthOf))) + LABEL_GAP
  const parts = []
  let y = 0
  for (const panel of panels) {
    parts.push(`<text class="title" x="0" y="${y + 20}">${escaped(panel.title)}</text>`)
    y += HEAD_HEIGHT
    const most = Math.max(...panel.bars.map(({ value }) => value))
    for (const { label, value, text, isOurs } of panel.bars) {
      const width = Math.max(1, (value / most) * (WIDTH - labelWidth - VALUE_WIDTH))
      const middle = y + BAR_HEIGHT / 2 + 4
      parts.push(
        `<text x="${labelWidth - LABEL_GAP}" y="${middle}" text-anchor="end">${escaped(label)}</text>`,
        `<rect class="${isOurs ? 'ours' : 'bar'}" x="${labelWidth}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
        `<text x="${(labelWidth + width + 8).toFixed(1)}" y="${middle}">${escaped(text)}</text>`,
      )
      y += BAR_HEIGHT + GAP
    }
    parts.push(`<text class="axis" x="${labelWidth}" y="${y + 12}">→ ${escaped(axis)}</text>`)
    y += AXIS_HEIGHT + GAP * 2
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-labelledby="title">
<title id="title">${escaped(title)}</title>
<style>${STYLE}
</style>
${parts.join('\n')}
</svg>
`
}

function widthOf({ label }) {
  return label.length * CHARACTER_WIDTH
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
