// A table in a box of its own, that says so when there is more to the side.
import { useEffect, useRef, useState } from 'react'
import { literal } from './mrkdwn.js'
import { Rendered } from './rendered.jsx'

export function Table({ block }) {
  const box = useRef(null)
  const wide = useOverflow(box)
  const rows = block.rows.map((row) => row.map(asRichText))
  return (
    <div className="table-block">
      <div className="table-scroll" ref={box} {...(wide && { tabIndex: 0, role: 'region', 'aria-label': 'Table, scrolls sideways' })}>
        <Rendered block={{ ...block, rows }} />
      </div>
      {wide && <p className="table-hint" aria-hidden="true">← scroll sideways for more →</p>}
    </div>
  )
}

// The renderer reads marks in raw text; here it is what it says: raw.
const asRichText = (cell) => (cell.type === 'raw_text' ? { type: 'rich_text', elements: literal(cell.text) } : cell)

function useOverflow(box) {
  const [wide, setWide] = useState(false)
  useEffect(() => {
    const look = () => setWide(box.current.scrollWidth > box.current.clientWidth + 1)
    const observer = new ResizeObserver(look)
    observer.observe(box.current)
    look()
    return () => observer.disconnect()
  }, [box])
  return wide
}
