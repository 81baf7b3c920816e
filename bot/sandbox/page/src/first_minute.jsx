// A small guide through the first minute; it ticks off what was done, whoever did it.
import { useEffect, useState } from 'react'
import { STEPS, ticks } from './first_minute_steps.js'
import { useHere } from './here.js'
import { useKept } from './kept.js'

// The first open step after the last one that is done, for nobody goes back to an earlier one; -1 if all are done.
function upNext(done) {
  const later = done.indexOf(false, done.lastIndexOf(true) + 1)
  return later < 0 ? done.indexOf(false) : later
}

export function FirstMinute({ deeds, sights, fill, become, small }) {
  const { state } = useHere()
  const [dismissed, setDismissed] = useKept('first minute dismissed', false)
  const [open, setOpen] = useState(!small)
  useEffect(() => setOpen(!small), [small])
  if (dismissed) return null
  const done = ticks(deeds, sights)
  const next = upNext(done)
  const help = (step) => {
    if (step.become) become(state.people.find((p) => p.name === step.become).id)
    if (step.fill) fill(step.fill)
  }
  return (
    <aside role="complementary" className="first-minute" aria-label="First minute">
      <header>
        <button type="button" className="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          First minute <small>{done.filter(Boolean).length} of {STEPS.length}</small>
        </button>
        <button type="button" className="close" aria-label="Dismiss the first minute" onClick={() => setDismissed(true)}>×</button>
      </header>
      {open && (
        <ol>
          {STEPS.map((step, n) => (
            <li key={step.title} className={done[n] ? 'done' : n === next ? 'next' : ''} aria-current={n === next ? 'step' : undefined}>
              <span className="tick" role="img" aria-label={done[n] ? 'done' : 'to do'}>{done[n] ? '✓' : n + 1}</span>
              <div>
                <b>{step.title}</b>
                {n === next && <p>{step.words}</p>}
                {n === next && (step.fill || step.become) && (
                  <button type="button" className="btn small" onClick={() => help(step)}>Do it for me</button>
                )}
              </div>
            </li>
          ))}
        </ol>
      )}
      {open && next < 0 && <p className="all-done">That was all of it.</p>}
    </aside>
  )
}
