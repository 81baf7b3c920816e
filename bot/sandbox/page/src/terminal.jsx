// What a user who is logged in on a host sees in their terminal; followed live, and nothing can be typed.
import { useEffect, useRef, useState } from 'react'
import { keyOfTerminal } from './names.js'
import { PaneHead } from './pane_head.jsx'
import { terminalText } from './terminal_text.js'

// `read`: told what was read.
export function Terminal({ terminals, chosen, choose, read, back, close }) {
  const terminal = terminals.find((t) => keyOfTerminal(t) === chosen)
  return (
    <section className="pane terminal" aria-label="Terminal">
      <PaneHead title="Terminal" back={back} close={close} closeLabel="Close the terminal">
        <select aria-label="Whose terminal" value={chosen} onChange={(event) => choose(event.target.value)}>
          {!terminal && <option value={chosen}>Choose</option>}
          {terminals.map((t) => (
            <option key={keyOfTerminal(t)} value={keyOfTerminal(t)}>
              {t.user} on {t.host} ({t.terminal}){t.open ? '' : ' – closed'}
            </option>
          ))}
        </select>
      </PaneHead>
      {terminal && <Output key={`${chosen} ${terminal.terminal}`} host={terminal.host} session={terminal.session} read={read} />}
    </section>
  )
}

function Output({ host, session, read }) {
  const [sent, setSent] = useState('')
  const [closed, setClosed] = useState(false)
  const box = useRef(null)
  useEffect(() => {
    const source = new EventSource(`/sandbox/terminals/${encodeURIComponent(host)}/${encodeURIComponent(session)}`)
    source.onopen = () => setSent('')
    source.addEventListener('output', (event) => setSent((before) => before + JSON.parse(event.data).text))
    source.addEventListener('closed', () => {
      setClosed(true)
      source.close()
    })
    return () => source.close()
  }, [host, session])
  useEffect(() => {
    read(sent)
  }, [sent])
  useEffect(() => {
    box.current.scrollTop = box.current.scrollHeight
  }, [sent, closed])
  return (
    <pre ref={box} tabIndex={0} role="log" aria-label={`Output on ${host}`}>
      {terminalText(sent)}
      {closed && <b className="gone">{`\nConnection to ${host} closed.`}</b>}
    </pre>
  )
}
