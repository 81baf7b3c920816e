// A modal dialog of the browser: it keeps the focus inside, and Esc asks `cancel`.
import { useEffect, useRef } from 'react'

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
      before?.focus?.()
    }
  }, [])
  const cancelled = (event) => {
    event.preventDefault()
    if (event.target === box.current) cancel()
  }
  return <dialog ref={box} aria-label={label} className={className} onCancel={cancelled}>{children}</dialog>
}
