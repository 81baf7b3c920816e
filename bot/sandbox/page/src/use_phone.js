// Whether there is room for one pane only.
import { useSyncExternalStore } from 'react'

const small = window.matchMedia('(max-width: 760px)')

function watch(changed) {
  small.addEventListener('change', changed)
  return () => small.removeEventListener('change', changed)
}

export const usePhone = () => useSyncExternalStore(watch, () => small.matches)
