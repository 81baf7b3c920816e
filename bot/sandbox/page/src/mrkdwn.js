// Slack's mrkdwn and plain text as the parts of a rich_text block. Pure.
//
// The renderer has a reader of mrkdwn, but it reads Markdown: `# x`, `$x$` and `[x]: y` vanish, 12:30:45 loses its colons.
// Here every character that is no mark stays.
const EMOJI = '(?<![\\w:]):([a-z0-9_+\'-]*[a-z][a-z0-9_+\'-]*|[+-]1|100):(?![\\w:])'
const INLINE = new RegExp(
  [
    '`([^`\\n]+)`',
    '<([^<>\\n]+)>',
    '(?<![\\w*])\\*(\\S(?:[^*\\n]*\\S)?)\\*(?![\\w*])',
    '(?<![\\w_])_(\\S(?:[^_\\n]*\\S)?)_(?![\\w_])',
    '(?<![\\w~])~(\\S(?:[^~\\n]*\\S)?)~(?![\\w~])',
    EMOJI,
  ].join('|'),
  'g',
)
const BROADCASTS = ['here', 'channel', 'everyone']

const unescaped = (text) => text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&')

const styled = (element, style) => (Object.keys(style).length ? { ...element, style } : element)

export const words = (text, style = {}) => (text ? [styled({ type: 'text', text }, style)] : [])

const section = (elements) => ({ type: 'rich_text_section', elements })

export const literal = (text) => [section(words(text))]

// Plain text: only names of emoji mean something.
export function plain(text, emoji = true) {
  return emoji ? [section(inline(text, {}, new RegExp(EMOJI, 'g'), ([, name]) => emojiOf(name)))] : literal(text)
}

export function mrkdwn(text) {
  return text.split(/```([\s\S]+?)```/g).flatMap((part, n) => (n % 2 ? preformatted(part) : paragraphs(part, n)))
}

const preformatted = (part) => [
  { type: 'rich_text_preformatted', elements: words(unescaped(part.replace(/^\n|\n$/g, ''))) },
]

// A piece between two code blocks: its lines, with quoted ones apart.
function paragraphs(part, n) {
  const piece = n ? part.replace(/^\n/, '') : part
  if (!piece) return []
  const groups = []
  for (const line of piece.split('\n')) {
    const quoted = /^(?:&gt;|>) ?(.*)$/.exec(line)
    const last = groups.at(-1)
    if (last && last.quoted === Boolean(quoted)) last.lines.push(quoted ? quoted[1] : line)
    else groups.push({ quoted: Boolean(quoted), lines: [quoted ? quoted[1] : line] })
  }
  return groups.map(({ quoted, lines }) => ({
    type: quoted ? 'rich_text_quote' : 'rich_text_section',
    elements: marked(lines.join('\n'), {}),
  }))
}

const marked = (text, style) => inline(text, style, INLINE, (match) => meant(match, style), unescaped)

function inline(text, style, pattern, mean, read = (same) => same) {
  const elements = []
  let from = 0
  for (const match of text.matchAll(pattern)) {
    elements.push(...words(read(text.slice(from, match.index)), style), ...mean(match))
    from = match.index + match[0].length
  }
  return [...elements, ...words(read(text.slice(from)), style)]
}

function meant([, code, angle, bold, italic, strike, emoji], style) {
  if (code) return words(unescaped(code), { ...style, code: true })
  if (angle) return angled(angle, style)
  if (bold) return marked(bold, { ...style, bold: true })
  if (italic) return marked(italic, { ...style, italic: true })
  if (strike) return marked(strike, { ...style, strike: true })
  return emojiOf(emoji)
}

const emojiOf = (name) => [{ type: 'emoji', name }]

function angled(inner, style) {
  const bar = inner.indexOf('|')
  const target = bar < 0 ? inner : inner.slice(0, bar)
  const label = bar < 0 ? '' : unescaped(inner.slice(bar + 1))
  if (target.startsWith('@')) return [styled({ type: 'user', user_id: target.slice(1) }, style)]
  if (target.startsWith('#')) return [styled({ type: 'channel', channel_id: target.slice(1) }, style)]
  if (target.startsWith('!')) return special(target.slice(1), label, style)
  if (/^(https?:\/\/|mailto:)/.test(target)) return [styled({ type: 'link', url: unescaped(target), text: label }, style)]
  return words(label || unescaped(`<${inner}>`), style)
}

function special(target, label, style) {
  const [kind, first, format] = target.split('^')
  if (kind === 'subteam') return [styled({ type: 'usergroup', usergroup_id: first }, style)]
  if (kind === 'date' && format) return [{ type: 'date', timestamp: Number(first), format, fallback: label }]
  if (BROADCASTS.includes(kind)) return [styled({ type: 'broadcast', range: kind }, style)]
  return words(label || `@${kind}`, style)
}
