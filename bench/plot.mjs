// Bars as an SVG, drawn for light and dark pages alike.

const WIDTH = 760
const LABEL_WIDTH = 270
const BAR_HEIGHT = 20
const GAP = 6
const HEAD_HEIGHT = 34
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #57606a }
  .title { font-weight: 600; fill: #24292f }
  .bar { fill: #afb8c1 }
  .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .title { fill: #f0f6fc } .bar { fill: #484f58 } .ours { fill: #4493f8 }
  }`

/**
 * @param {{ title: string, bars: { label: string, value: number, text: string, isOurs: boolean }[] }[]} panels - each has
 * a scale of its own
 */
export function barChart(panels) {
  const parts = []
  let y = 0
  for (const { title, bars } of panels) {
    parts.push(`<text class="title" x="0" y="${y + 20}">${escaped(title)}</text>`)
    y += HEAD_HEIGHT
    const most = Math.max(...bars.map(({ value }) => value))
    for (const { label, value, text, isOurs } of bars) {
      const width = Math.max(1, (value / most) * (WIDTH - LABEL_WIDTH - 80))
      const middle = y + BAR_HEIGHT / 2 + 4
      parts.push(
        `<text x="${LABEL_WIDTH - 10}" y="${middle}" text-anchor="end">${escaped(label)}</text>`,
        `<rect class="${isOurs ? 'ours' : 'bar'}" x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
        `<text x="${(LABEL_WIDTH + width + 8).toFixed(1)}" y="${middle}">${escaped(text)}</text>`,
      )
      y += BAR_HEIGHT + GAP
    }
    y += GAP * 2
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-labelledby="title">
<title id="title">Durable events a second, Spanledger beside what else one could use</title>
<style>${STYLE}
</style>
${parts.join('\n')}
</svg>
`
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
