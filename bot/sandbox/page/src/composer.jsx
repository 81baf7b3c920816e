// Where a message or command is typed: Enter sends, / suggests commands, arrow up brings back what was sent.
import { useEffect, useId, useRef, useState } from 'react'
import { useKept } from './kept.js'

const STEPS = { ArrowDown: 1, ArrowUp: -1 }
const LONGEST_HISTORY = 50

// `draft`, `history`: the names under which the unsent line and the sent ones are kept. `atOnce`: it takes the focus
// when it appears, and gives it back when it goes.
export function Composer({ label, placeholder, commands, send, draft, history, atOnce }) {
  const [text, setText] = useKept(draft, '')
  const [active, setActive] = useState(0)
  const [hidden, setHidden] = useState(false)
  const line = useRef(null)
  const id = useId()
  const past = useHistory(history)
  const offered = hidden || !/^\/\S*$/.test(text) ? [] : commands.filter((command) => command.startsWith(text))
  const exact = offered.includes(text)

  useEffect(() => {
    if (!atOnce) return undefined
    const before = document.activeElement
    line.current.focus()
    return () => before?.focus()
  }, [])

  const put = (words) => {
    setText(words)
    setActive(0)
    setHidden(false)
  }
  const say = () => {
    const words = text.trim()
    if (!words || send(words) === false) return
    past.add(words)
    put('')
  }
  const key = (event) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape' && offered.length) {
      event.stopPropagation()
      setHidden(true)
    } else if ((event.key === 'Tab' || (event.key === 'Enter' && !exact)) && offered.length && !event.shiftKey) {
      event.preventDefault()
      put(`${offered[active]} `)
    } else if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      say()
    } else if (STEPS[event.key] && offered.length && !past.browsing) {
      event.preventDefault()
      setActive((active + STEPS[event.key] + offered.length) % offered.length)
    } else if (STEPS[event.key] && (!text || past.browsing)) {
      event.preventDefault()
      put(past.move(STEPS[event.key]))
    }
  }
  const typed = (event) => {
    past.leave()
    put(event.target.value)
  }
  const submitted = (event) => {
    event.preventDefault()
    say()
  }
  const pick = (command) => {
    put(`${command} `)
    line.current.focus()
  }
  return (
    <form className="composer" onSubmit={submitted}>
      {offered.length > 0 && (
        <div className="options commands" role="listbox" id={`${id}-list`} aria-label="Commands">
          {offered.map((command, n) => (
            <div
              key={command}
              role="option"
              id={`${id}-${n}`}
              aria-selected={n === active}
              data-active={n === active}
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => pick(command)}
            >
              {command}
            </div>
          ))}
        </div>
      )}
      <textarea
        ref={line}
        rows={1}
        aria-label={label}
        aria-autocomplete="list"
        aria-controls={offered.length ? `${id}-list` : undefined}
        aria-activedescendant={offered.length ? `${id}-${active}` : undefined}
        placeholder={placeholder}
        value={text}
        onChange={typed}
        onKeyDown={key}
        onBlur={() => setHidden(true)}
        onFocus={() => setHidden(false)}
      />
      <button className="send" aria-label="Send" disabled={!text.trim()}>➤</button>
    </form>
  )
}

// What was sent from this line before; `at` counts back from the newest, 0 is the line itself.
function useHistory(name) {
  const [past, setPast] = useKept(name, [])
  const [at, setAt] = useState(0)
  return {
    browsing: at > 0,
    leave: () => setAt(0),
    add: (words) => {
      setAt(0)
      setPast([words, ...past.filter((old) => old !== words)].slice(0, LONGEST_HISTORY))
    },
    move: (step) => {
      const next = Math.min(Math.max(at - step, 0), past.length)
      setAt(next)
      return next ? past[next - 1] : ''
    },
  }
}
