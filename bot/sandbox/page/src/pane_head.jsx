// The head of a pane: its heading, and the way back on a small screen.
export function PaneHead({ title, note, back, close, closeLabel, children }) {
  return (
    <header className="pane-head">
      {back && <button type="button" className="back" aria-label="Back" onClick={back}>‹</button>}
      <h2>{title}</h2>
      <small className="pane-note">{note}</small>
      {children}
      {close && <button type="button" className="close" aria-label={closeLabel} onClick={close}>×</button>}
    </header>
  )
}
