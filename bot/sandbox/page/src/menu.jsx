// A button that opens a small menu: arrows move, Enter chooses, Esc closes. `items`: [{name, note, pick}].
import { useEffect, useRef, useState } from 'react'

const STEPS = { ArrowDown: 1, ArrowUp: -1 }

export function Menu({ label, className, items, children }) {
  const [open, setOpen] = useState(false)
  const box = useRef(null)
  const opener = useRef(null)
  const choices = () => [...box.current.querySelectorAll('[role=menuitem]')]

  useEffect(() => {
    if (!open) return undefined
    choices()[0]?.focus()
    box.current.querySelector('[role=menu]').scrollIntoView({ block: 'nearest' })
    const away = (event) => box.current?.contains(event.target) || setOpen(false)
    document.addEventListener('pointerdown', away)
    return () => document.removeEventListener('pointerdown', away)
  }, [open])

  const shut = () => {
    setOpen(false)
    opener.current.focus()
  }
  const key = (event) => {
    if (!open) return
    if (event.key === 'Escape') shut()
    else if (event.key === 'Tab') setOpen(false)
    else if (STEPS[event.key]) {
      const all = choices()
      all.at((all.indexOf(document.activeElement) + STEPS[event.key]) % all.length)?.focus()
    } else return
    event.stopPropagation()
    if (event.key !== 'Tab') event.preventDefault()
  }
  const pick = (item) => {
    shut()
    item.pick()
  }
  return (
    <span className="menu" ref={box} onKeyDown={key}>
      <button
        type="button"
        ref={opener}
        className={className}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {children}
      </button>
      {open && (
        <span role="menu" aria-label={label} className="menu-list">
          {items.map((item, n) => (
            <button type="button" role="menuitem" tabIndex={-1} key={n} onClick={() => pick(item)}>
              {item.name}
              {item.note && <small>{item.note}</small>}
            </button>
          ))}
        </span>
      )}
    </span>
  )
}
