// A coloured square with initials, the same for one person everywhere.
import { nameOf } from './names.js'
import { useHere } from './here.js'

const COLOURS = 7

export function Avatar({ id }) {
  const { state } = useHere()
  const bot = id === state.app.user
  const number = [...id].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % COLOURS
  const initials = nameOf(state, id).split(' ').map((word) => word[0]).slice(0, 2).join('')
  return <span className={bot ? 'avatar bot' : `avatar colour-${number}`} aria-hidden="true">{initials}</span>
}
