// A line at the bottom that goes away by itself: [words, say].
import { useCallback, useRef, useState } from 'react'

const SHOWN = 6000

export function useToast() {
  const [words, setWords] = useState('')
  const timer = useRef(0)
  const say = useCallback((next) => {
    setWords(next)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setWords(''), SHOWN)
  }, [])
  return [words, say]
}
