// What a terminal shows of what was sent to it: escape sequences are dropped, but for "erase to the end of the line". Pure.
const PIECES = new RegExp(
  [
    '\\x1b\\][^\\x07\\x1b]*(?:\\x07|\\x1b\\\\)?', // a title and its like
    '\\x1b\\[[0-?]*[ -/]*[@-~]',
    '\\x1b[()*+#%].',
    '\\x1b[0-~]',
    '[\\s\\S]',
  ].join('|'),
  'gu',
)
const MOST_LINES = 2000

export function terminalText(sent) {
  const lines = [[]]
  let at = 0
  for (const [piece] of sent.matchAll(PIECES)) {
    const line = lines.at(-1)
    if (piece === '\n') {
      lines.push([])
      at = 0
    } else if (piece === '\r') at = 0
    else if (piece === '\b') at = Math.max(at - 1, 0)
    else if (/^\x1b\[0?K$/.test(piece)) line.length = Math.min(line.length, at)
    else if (piece === '\t' || piece >= ' ') {
      if (piece.length > 2 || piece[0] === '\x1b' || piece === '\x7f') continue
      line[at] = piece
      at += 1
    }
  }
  return lines.slice(-MOST_LINES).map((line) => Array.from(line, (c) => c ?? ' ').join('').trimEnd()).join('\n')
}
