// A small guide through the first minute; it ticks off what was done, whoever did it.
import { useEffect, useRef, useState } from 'react'
import { isPossible } from './first_minute_help.js'
import { asker, NEXT, STEPS, ticks } from './first_minute_steps.js'
import { useHere } from './here.js'
import { useKept } from './kept.js'

// The first open step after the last one that is done, for nobody goes back to an earlier one; -1 if all are done.
function upNext(done) {
  const later = done.indexOf(false, done.lastIndexOf(true) + 1)
  return later < 0 ? done.indexOf(false) : later
}

export function FirstMinute({ deeds, sights, help, small }) {
  const { state } = useHere()
  const [dismissed, setDismissed] = useKept('first minute dismissed', false)
  const [open, setOpen] = useState(!small)
  const list = useRef(null)
  const done = ticks(deeds, sights)
  const next = upNext(done)
  useEffect(() => setOpen(!small), [small])
  useEffect(() => {
    const box = list.current
    if (box?.scrollHeight > box?.clientHeight) box.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' })
  }, [next, open])
  if (dismissed) return null
  const helped = (step) => help(step.help, asker(deeds))
  return (
    <aside role="complementary" className="first-minute" aria-label="First minute">
      <header>
        <button type="button" className="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          First minute <small>{done.filter(Boolean).length} of {STEPS.length}</small>
        </button>
        <button type="button" className="close" aria-label="Dismiss the first minute" onClick={() => setDismissed(true)}>×</button>
      </header>
      {open && next < 0 && <p className="all-done">{NEXT}</p>}
      {open && (
        <ol ref={list}>
          {STEPS.map((step, n) => (
            <li key={step.title} className={done[n] ? 'done' : n === next ? 'next' : ''} aria-current={n === next ? 'step' : undefined}>
              <span className="tick" role="img" aria-label={done[n] ? 'done' : 'to do'}>{done[n] ? '✓' : n + 1}</span>
              <div>
                <b>{step.title}</b>
                {n === next && <p>{step.words}</p>}
                {n === next && (
                  <button type="button" className="btn small" disabled={!isPossible(state, step.help)} onClick={() => helped(step)}>
                    Do it for me
                  </button>
                )}
              </div>
            </li>
          ))}
        </ol>
      )}
    </aside>
  )
}
