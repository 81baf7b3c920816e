// A button of an app; while its press is on the way it says so.
import { useState } from 'react'
import { useSurface } from './surface.jsx'
import { useOpen } from './use_open.js'

const STYLES = { primary: 'btn primary', danger: 'btn danger' }

export function Button({ element, block }) {
  const { press } = useSurface()
  const open = useOpen()
  const [busy, setBusy] = useState(false)
  const pressed = async () => {
    open(element.url)
    setBusy(true)
    await press(block, element, element.value)
    setBusy(false)
  }
  return (
    <button
      type="button"
      className={STYLES[element.style] || 'btn'}
      aria-busy={busy}
      aria-label={element.accessibility_label || undefined}
      onClick={busy ? undefined : pressed}
    >
      {element.text.text}
    </button>
  )
}
