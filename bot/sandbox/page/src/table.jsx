// A table in a box of its own, that says so when there is more to the side. Its first row are the heads of its columns.
import { useEffect, useRef, useState } from 'react'
import { literal } from './mrkdwn.js'
import { Rendered } from './rendered.jsx'
import { Rich } from './text.jsx'

export function Table({ block }) {
  const box = useRef(null)
  const wide = useOverflow(box)
  const [heads, ...rows] = block.rows
  const looks = (n) => ({ textAlign: block.column_settings?.[n]?.align })
  return (
    <div className="table-block">
      <div className="table-scroll" ref={box} {...(wide && { tabIndex: 0, role: 'region', 'aria-label': 'Table, scrolls sideways' })}>
        <table>
          <thead>
            <tr>{heads.map((cell, n) => <th key={n} scope="col" style={looks(n)}><Cell cell={cell} /></th>)}</tr>
          </thead>
          <tbody>
            {rows.map((row, at) => (
              <tr key={at}>{row.map((cell, n) => <td key={n} style={looks(n)}><Cell cell={cell} /></td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
      {wide && <p className="table-hint" aria-hidden="true">← scroll sideways for more →</p>}
    </div>
  )
}

// Raw text is what it says: raw.
const Cell = ({ cell }) => (cell.type === 'raw_text' ? <Rich parts={literal(cell.text)} /> : <Rendered block={cell} />)

// A message that changes may take its table away before the observer is gone.
function useOverflow(box) {
  const [wide, setWide] = useState(false)
  useEffect(() => {
    const shown = box.current
    const look = () => setWide(shown.scrollWidth > shown.clientWidth + 1)
    const observer = new ResizeObserver(look)
    observer.observe(shown)
    look()
    return () => observer.disconnect()
  }, [box])
  return wide
}
