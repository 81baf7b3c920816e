// A modal dialog of the browser: Tab stays inside, Esc asks `cancel`, and the focus goes back where it was.
import { useEffect, useRef } from 'react'
import { focusLine } from './focus.js'

const REACHED = ':is(a[href], button, input, select, textarea, summary, [tabindex]):not(:disabled, [tabindex="-1"])'

const firstField = (dialog) =>
  dialog.querySelector('[data-focus=true] :is(input, textarea)') ?? dialog.querySelector('.modal-body :is(input, textarea)')

export function Dialog({ label, className, cancel, children }) {
  const box = useRef(null)
  useEffect(() => {
    const before = document.activeElement
    const dialog = box.current
    dialog.showModal()
    firstField(dialog)?.focus()
    return () => {
      dialog.close()
      if (before?.isConnected && before !== document.body) before.focus()
      else focusLine()
    }
  }, [])
  const cancelled = (event) => {
    event.preventDefault()
    if (event.target === box.current) cancel()
  }
  // Beyond its last field a browser goes on to its own bars.
  const key = (event) => {
    if (event.key !== 'Tab' || event.target.closest('dialog') !== box.current) return
    const reached = [...box.current.querySelectorAll(REACHED)].filter((field) => field.checkVisibility())
    const [from, to] = event.shiftKey ? [reached[0], reached.at(-1)] : [reached.at(-1), reached[0]]
    if (event.target !== from && event.target !== box.current) return
    event.preventDefault()
    to?.focus()
  }
  return (
    <dialog ref={box} aria-label={label} className={className} tabIndex={-1} onCancel={cancelled} onKeyDown={key}>{children}</dialog>
  )
}
