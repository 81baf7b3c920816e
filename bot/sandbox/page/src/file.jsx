// A file of a message, fetched when it is opened, and shown as text whatever it is.
import { useState } from 'react'
import { fileText } from './act.js'

export function File({ file }) {
  const [text, setText] = useState(null)
  const toggled = async (event) => {
    if (event.currentTarget.open && text === null) setText(await fileText(file.id))
  }
  return (
    <details className="file" onToggle={toggled}>
      <summary><span className="file-icon" aria-hidden="true">≡</span>{file.title || file.name}</summary>
      <pre tabIndex={0} aria-label={file.title || file.name}>{text ?? 'Loading…'}</pre>
    </details>
  )
}
