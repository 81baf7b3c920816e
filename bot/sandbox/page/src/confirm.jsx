// "Are you sure?", in the app's words.
import { Dialog } from './dialog.jsx'
import { Text } from './text.jsx'

export function Confirm({ confirm, answer }) {
  const yes = confirm.style === 'danger' ? 'btn danger-fill' : 'btn primary'
  return (
    <Dialog label={confirm.title.text} className="modal confirm" cancel={() => answer(false)}>
      <h2>{confirm.title.text}</h2>
      <div className="modal-body"><Text text={confirm.text} /></div>
      <footer>
        <button type="button" className="btn" onClick={() => answer(false)}>{confirm.deny?.text || 'Cancel'}</button>
        <button type="button" className={yes} onClick={() => answer(true)}>{confirm.confirm?.text || 'Yes'}</button>
      </footer>
    </Dialog>
  )
}
