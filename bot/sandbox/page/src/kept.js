// What this tab remembers over a reload.
import { useState } from 'react'

export function useKept(name, first) {
  const [value, set] = useState(() => JSON.parse(sessionStorage.getItem(name)) ?? first)
  const keep = (next) => {
    set((before) => {
      const now = typeof next === 'function' ? next(before) : next
      sessionStorage.setItem(name, JSON.stringify(now))
      return now
    })
  }
  return [value, keep]
}
