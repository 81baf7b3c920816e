// The options for what is typed so far, while a menu is open: {groups, note, busy}.
import { useEffect, useState } from 'react'

const NONE = { groups: [], note: '', busy: false }

export function useOptions(from, text, open) {
  const [found, setFound] = useState(NONE)
  useEffect(() => {
    if (!open) return undefined
    const waiting = new AbortController()
    setFound((before) => ({ ...before, busy: true }))
    Promise.resolve(from(text, waiting.signal)).then((answer) => {
      if (answer && !waiting.signal.aborted) setFound({ ...answer, busy: false })
    })
    return () => waiting.abort()
  }, [text, open])
  return found
}
