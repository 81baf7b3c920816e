// The form on top of what a person sees.
import { useEffect, useRef, useState } from 'react'
import { Blocks } from './blocks.jsx'
import { Dialog } from './dialog.jsx'
import { kept, missing, values } from './filled.js'
import { useHere } from './here.js'
import { SurfaceOf } from './surface.jsx'

// What is filled in outlives updates of the view, and another form pushed on top of it.
export function Modal({ view, drafts }) {
  const { act } = useHere()
  const box = useRef(null)
  const [filled, setFilled] = useState(drafts.current[view.id] ?? {})
  const [errors, setErrors] = useState({})
  const [busy, setBusy] = useState(false)

  useEffect(() => {
    setErrors({})
    setFilled((before) => kept(view.blocks, before))
  }, [view.hash])
  useEffect(() => {
    drafts.current[view.id] = filled
  }, [filled])
  useEffect(() => {
    if (Object.keys(errors).length) box.current.querySelector('[aria-invalid=true]')?.focus()
  }, [errors])

  const send = async (event) => {
    event.preventDefault()
    const open = missing(view.blocks, filled)
    setErrors(open)
    if (busy || Object.keys(open).length) return
    setBusy(true)
    const answer = await act('submit', { view_id: view.id, values: values(view.blocks, filled) })
    setErrors(answer.response?.errors ?? {})
    setBusy(false)
  }
  const cancel = () => act('submit', { view_id: view.id, close: true })
  return (
    <Dialog label={view.title.text} className="modal" cancel={cancel}>
      <form ref={box} onSubmit={send} noValidate>
        <h2>
          {view.title.text}
          <button type="button" className="close" aria-label="Close the form" onClick={cancel}>×</button>
        </h2>
        <div className="modal-body">
          <SurfaceOf place={{ view_id: view.id }} blocks={view.blocks} form={{ filled, setFilled, errors }}>
            <Blocks blocks={view.blocks} />
          </SurfaceOf>
        </div>
        <footer>
          <button type="button" className="btn" onClick={cancel}>{view.close?.text || 'Cancel'}</button>
          {view.submit && (
            <button className="btn primary" disabled={busy || view.submit_disabled} aria-busy={busy}>
              {busy ? 'Sending…' : view.submit.text}
            </button>
          )}
        </footer>
      </form>
    </Dialog>
  )
}
