// Messages, oldest first. It stays at the newest one while that is in sight; arrows move from message to message.
import { Fragment, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Message } from './message.jsx'

const NEAR = 80
const MOVES = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: () => Infinity,
}

export function MessageList({ label, messages, threaded, wanted }) {
  const box = useRef(null)
  const atEnd = useRef(true)
  const [active, setActive] = useState('')
  const newest = messages.at(-1)

  // Only for news and other sizes: a jump between the press and the release of a button loses the click.
  const follow = () => {
    if (atEnd.current && !wanted) box.current.scrollTop = box.current.scrollHeight
  }
  useLayoutEffect(follow, [newest?.ts])
  useResized(box, follow)
  useLayoutEffect(() => {
    if (wanted) box.current.querySelector(`[data-ts="${CSS.escape(wanted)}"]`)?.scrollIntoView({ block: 'center' })
  }, [wanted])

  const scrolled = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR
  }
  const key = (event) => {
    if (!MOVES[event.key] || event.target.tagName !== 'ARTICLE') return
    event.preventDefault()
    const all = [...box.current.querySelectorAll('article')]
    all[Math.min(MOVES[event.key](all.indexOf(event.target)), all.length - 1)].focus()
  }
  const focused = (event) => setActive(event.target.closest('article')?.dataset.ts ?? '')
  const entry = messages.some((m) => m.ts === active) ? active : newest?.ts
  return (
    <div className="list" role="log" aria-label={label} ref={box} onScroll={scrolled} onKeyDown={key} onFocus={focused}>
      <div>
        {messages.map((message, n) => (
          <Fragment key={message.ts}>
            {!threaded && day(message) !== day(messages[n - 1]) && <p className="day"><span>{day(message)}</span></p>}
            {threaded && n === 1 && <p className="day"><span>{messages.length - 1} {messages.length > 2 ? 'replies' : 'reply'}</span></p>}
            <Message message={message} threaded={threaded} tabIndex={message.ts === entry ? 0 : -1} marked={message.ts === wanted} />
          </Fragment>
        ))}
        {!messages.length && <p className="empty">Nothing was said here yet.</p>}
      </div>
    </div>
  )
}

// Calls `resized` whenever the box or what it holds has another size.
function useResized(box, resized) {
  const latest = useRef(null)
  latest.current = resized
  useEffect(() => {
    const observer = new ResizeObserver(() => latest.current())
    observer.observe(box.current)
    observer.observe(box.current.firstElementChild)
    return () => observer.disconnect()
  }, [box])
}

const day = (message) =>
  message && new Date(message.ts * 1000).toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' })
