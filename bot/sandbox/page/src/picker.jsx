// A menu with type-ahead, for one option or several (as chips): all that Slack calls a select menu.
import { useEffect, useId, useRef, useState } from 'react'
import { useOptions } from './use_options.js'

const STEPS = { ArrowDown: 1, ArrowUp: -1 }
const NONE = -1

const moved = (at, step, count) => (at === NONE && step < 0 ? count - 1 : (at + step + count) % Math.max(count, 1))

// `from`: see sources.js. `chosen`: options. `most`: how many may be chosen. `startOpen`: it is open until it goes away.
export function Picker({ label, placeholder, from, chosen, several, most, change, described, invalid, id: given, startOpen = false }) {
  const [text, setText] = useState('')
  const [open, setOpen] = useState(startOpen)
  const [active, setActive] = useState(0)
  const own = useId()
  const id = given ?? own
  const box = useRef(null)
  const input = useRef(null)
  const { groups, note, busy } = useOptions(from, text, open)
  const options = groups.flatMap((group) => group.options)
  const isChosen = (option) => chosen.some((c) => c.value === option.value)
  const shown = open || several ? text : (chosen[0]?.text.text ?? '')

  // Where several are chosen, Enter takes only what was looked for or moved to.
  useEffect(() => setActive(several && !text ? NONE : 0), [text, open])
  useEffect(() => {
    if (open) box.current.querySelector('[role=listbox]').scrollIntoView({ block: 'nearest' })
  }, [open, options.length])
  useEffect(() => {
    if (!open) return undefined
    const away = (event) => box.current.contains(event.target) || shut()
    document.addEventListener('pointerdown', away)
    return () => document.removeEventListener('pointerdown', away)
  }, [open])
  useEffect(() => {
    box.current.querySelector('[data-active=true]')?.scrollIntoView({ block: 'nearest' })
  }, [active, open, options.length])

  const shut = () => {
    setOpen(false)
    setText('')
  }
  const pick = (option) => {
    if (!several) change([option])
    else if (isChosen(option)) change(chosen.filter((c) => c.value !== option.value))
    else if (chosen.length < most) change([...chosen, option])
    shut()
    input.current.focus()
  }
  const drop = (option) => {
    change(chosen.filter((c) => c !== option))
    input.current.focus()
  }
  const key = (event) => {
    if (STEPS[event.key]) {
      event.preventDefault()
      if (open) setActive(moved(active, STEPS[event.key], options.length))
      else setOpen(true)
    } else if (event.key === 'Enter') {
      event.preventDefault()
      if (!open) setOpen(true)
      else if (options[active] && !busy) pick(options[active])
    } else if (event.key === 'Escape' && open && !startOpen) {
      event.preventDefault()
      event.stopPropagation()
      shut()
    } else if (event.key === 'Backspace' && !text && chosen.length && (several || !open)) {
      change(several ? chosen.slice(0, -1) : [])
    }
  }
  const typed = (event) => {
    setText(event.target.value)
    setOpen(true)
  }
  const left = (event) => box.current.contains(event.relatedTarget) || shut()
  const optionId = (option) => `${id}-${options.indexOf(option)}`
  return (
    <div className={several ? 'picker several' : 'picker'} ref={box} onBlur={left}>
      <div className="picker-box">
        {several && chosen.map((option) => (
          <span className="chip" key={option.value}>
            {option.text.text}
            <button type="button" aria-label={`Remove ${option.text.text}`} onClick={() => drop(option)}>×</button>
          </span>
        ))}
        <input
          ref={input}
          id={id}
          role="combobox"
          aria-label={label}
          aria-expanded={open}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={open && options[active] ? optionId(options[active]) : undefined}
          aria-describedby={described}
          aria-invalid={invalid}
          autoComplete="off"
          placeholder={several && chosen.length ? '' : placeholder}
          value={shown}
          onChange={typed}
          onMouseDown={() => setOpen(true)} // a list that closes elsewhere may move this away before the click
          onKeyDown={key}
        />
      </div>
      {open && (
        <div className="options" id={`${id}-list`} role="listbox" aria-label={label} aria-multiselectable={several} aria-busy={busy}>
          {note && <p className="options-note">{busy ? 'Searching…' : note}</p>}
          {groups.map((group, n) => (
            <div role={group.label ? 'group' : undefined} aria-label={group.label || undefined} key={n}>
              {group.label && <p className="options-label" aria-hidden="true">{group.label}</p>}
              {group.options.map((option) => (
                <div
                  key={option.value}
                  role="option"
                  id={optionId(option)}
                  aria-selected={isChosen(option)}
                  data-active={options[active] === option}
                  onPointerDown={(event) => event.preventDefault()}
                  onPointerMove={() => setActive(options.indexOf(option))}
                  onClick={() => pick(option)}
                >
                  {option.text.text}
                  {option.description && <small>{option.description.text}</small>}
                </div>
              ))}
            </div>
          ))}
        </div>
      )}
    </div>
  )
}
