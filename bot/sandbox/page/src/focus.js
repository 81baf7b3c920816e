// Where the focus goes when it has no better place.

// To the line of the channel in sight; where nothing can be typed, to the pane itself.
export function focusLine() {
  const pane = document.querySelector('main')
  const place = pane?.querySelector('.composer textarea') ?? pane
  place?.focus()
}

export const focusTerminal = () => document.querySelector('.terminal pre')?.focus()
